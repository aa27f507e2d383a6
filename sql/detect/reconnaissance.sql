-- name: reconnaissance
-- title: Somebody looks around
-- description: Principals that were refused many different actions within one hour: they try what they may do.
-- severity: medium
-- tags: mitre:T1580 mitre:T1526
-- param: minimum bigint = 10 in 1..10000 -- Different refused actions within an hour
-- columns: hour timestamp, principal text, actions bigint, refused bigint, address text
-- expect: no rows
-- key: hour, principal
-- chart: line hour refused
-- remediation: Revoke the credentials unless the principal is a scanner that you know.

SELECT date_trunc('hour', eventtime) AS hour, useridentity.arn AS principal, count(DISTINCT eventname) AS actions,
       count(*) AS refused, min(sourceipaddress) AS address
FROM cloudtrail_logs
WHERE errorcode LIKE '%AccessDenied%' OR errorcode LIKE '%Unauthorized%'
GROUP BY date_trunc('hour', eventtime), useridentity.arn
HAVING count(DISTINCT eventname) >= $minimum
ORDER BY hour, principal;
