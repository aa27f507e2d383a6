-- name: errors_by_code
-- title: Errors by code
-- description: Which errors the calls ended with.
-- severity: info
-- tags: errors
-- columns: errorcode text, errors bigint, services bigint, principals bigint, example text
-- chart: bar errorcode errors

SELECT errorcode, count(*) AS errors, count(DISTINCT eventsource) AS services,
       count(DISTINCT useridentity.arn) AS principals, min(eventname) AS example
FROM cloudtrail_logs
WHERE errorcode IS NOT NULL
GROUP BY errorcode
ORDER BY errors DESC, errorcode;
