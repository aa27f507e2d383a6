-- name: first_seen_addresses
-- title: Addresses used for the first time
-- description: Source addresses from which a known principal called for the first time.
-- severity: medium
-- tags: identity network mitre:T1078.004
-- param: recent timestamp = 7d -- New is what was never seen before this time
-- columns: principal text, address text, first timestamp, calls bigint

SELECT seen.principal, seen.address, seen.first, seen.calls
FROM (SELECT useridentity.arn AS principal, sourceipaddress AS address, min(eventtime) AS first, count(*) AS calls
      FROM cloudtrail_logs
      WHERE useridentity.arn IS NOT NULL AND sourceipaddress NOT LIKE '%amazonaws.com'
      GROUP BY useridentity.arn, sourceipaddress) AS seen
JOIN (SELECT useridentity.arn AS principal, min(eventtime) AS first
      FROM cloudtrail_logs
      WHERE useridentity.arn IS NOT NULL
      GROUP BY useridentity.arn) AS known
  ON known.principal = seen.principal
WHERE seen.first >= $recent AND known.first < $recent
ORDER BY seen.first, seen.principal, seen.address;
