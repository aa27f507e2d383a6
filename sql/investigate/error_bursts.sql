-- name: error_bursts
-- title: Bursts of errors
-- description: Principals with many failed calls within one minute.
-- severity: medium
-- tags: identity mitre:T1580
-- param: minimum bigint = 10 in 1..1000000 -- Failed calls within a minute that make a burst
-- columns: minute timestamp, principal text, errors bigint, apis bigint, example text
-- chart: line minute errors

SELECT date_trunc('minute', eventtime) AS minute, useridentity.arn AS principal, count(*) AS errors,
       count(DISTINCT eventname) AS apis, min(eventname) AS example
FROM cloudtrail_logs
WHERE errorcode IS NOT NULL
GROUP BY date_trunc('minute', eventtime), useridentity.arn
HAVING count(*) >= $minimum
ORDER BY minute, errors DESC, principal;
