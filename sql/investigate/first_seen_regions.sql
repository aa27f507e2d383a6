-- name: first_seen_regions
-- title: Regions used for the first time
-- description: Regions that a known principal used for the first time.
-- severity: medium
-- tags: identity mitre:T1535
-- param: recent timestamp = 7d -- New is what was never seen before this time
-- columns: principal text, region text, first timestamp, calls bigint

SELECT seen.principal, seen.region, seen.first, seen.calls
FROM (SELECT useridentity.arn AS principal, awsregion AS region, min(eventtime) AS first, count(*) AS calls
      FROM cloudtrail_logs
      WHERE useridentity.arn IS NOT NULL
      GROUP BY useridentity.arn, awsregion) AS seen
JOIN (SELECT useridentity.arn AS principal, min(eventtime) AS first
      FROM cloudtrail_logs
      WHERE useridentity.arn IS NOT NULL
      GROUP BY useridentity.arn) AS known
  ON known.principal = seen.principal
WHERE seen.first >= $recent AND known.first < $recent
ORDER BY seen.first, seen.principal, seen.region;
