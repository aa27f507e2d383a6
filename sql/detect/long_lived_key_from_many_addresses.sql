-- name: long_lived_key_from_many_addresses
-- title: Access key used from many addresses
-- description: Long-lived access keys that were used from many addresses within one day: they may have leaked.
-- severity: medium
-- tags: mitre:T1078.004
-- param: minimum bigint = 5 in 2..1000000 -- Addresses within a day
-- columns: day timestamp, accesskeyid text, principal text, addresses bigint, calls bigint
-- expect: no rows
-- key: day, accesskeyid
-- remediation: Rotate the key; give the program a role.

SELECT date_trunc('day', eventtime) AS day, useridentity.accesskeyid AS accesskeyid, max(useridentity.arn) AS principal,
       count(DISTINCT sourceipaddress) AS addresses, count(*) AS calls
FROM cloudtrail_logs
WHERE useridentity.accesskeyid LIKE 'AKIA%' AND sourceipaddress NOT LIKE '%amazonaws.com'
GROUP BY date_trunc('day', eventtime), useridentity.accesskeyid
HAVING count(DISTINCT sourceipaddress) >= $minimum
ORDER BY day, accesskeyid;
