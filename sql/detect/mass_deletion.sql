-- name: mass_deletion
-- title: Much deleted at once
-- description: Principals that deleted, terminated or purged many things within one hour.
-- severity: high
-- tags: mitre:T1485
-- param: minimum bigint = 50 in 1..1000000 -- Deletions within an hour
-- columns: hour timestamp, principal text, deletions bigint, actions bigint, example text
-- expect: no rows
-- key: hour, principal
-- chart: line hour deletions
-- remediation: Revoke the sessions of the principal; restore from backups in another account.

SELECT date_trunc('hour', eventtime) AS hour, useridentity.arn AS principal, count(*) AS deletions,
       count(DISTINCT eventname) AS actions, min(eventname) AS example
FROM cloudtrail_logs
WHERE errorcode IS NULL
  AND (eventname LIKE 'Delete%' OR eventname LIKE 'Terminate%' OR eventname LIKE 'Purge%')
  AND useridentity.invokedby IS NULL
GROUP BY date_trunc('hour', eventtime), useridentity.arn
HAVING count(*) >= $minimum
ORDER BY hour, principal;
