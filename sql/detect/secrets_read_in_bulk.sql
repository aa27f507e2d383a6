-- name: secrets_read_in_bulk
-- title: Secrets read in bulk
-- description: Principals that read many secrets, parameters or instance passwords within one hour.
-- severity: high
-- tags: mitre:T1555.006 mitre:T1552
-- param: minimum bigint = 20 in 1..1000000 -- Reads within an hour that count as bulk
-- columns: hour timestamp, principal text, reads bigint, refused bigint, apis bigint, address text
-- expect: no rows
-- key: hour, principal
-- chart: line hour reads
-- remediation: Revoke the principal's sessions and rotate every secret that it read.

SELECT date_trunc('hour', eventtime) AS hour, useridentity.arn AS principal, count(*) AS reads,
       count(errorcode) AS refused, count(DISTINCT eventname) AS apis, min(sourceipaddress) AS address
FROM cloudtrail_logs
WHERE eventname IN ('GetSecretValue', 'BatchGetSecretValue', 'GetParameter', 'GetParameters', 'GetParametersByPath',
                    'GetPasswordData')
  AND useridentity.invokedby IS NULL
GROUP BY date_trunc('hour', eventtime), useridentity.arn
HAVING count(*) >= $minimum
ORDER BY hour, principal;
