-- name: calls_by_service
-- title: Calls by service
-- description: Which services are called, by how many principals, and how often that fails.
-- severity: info
-- tags: volume
-- columns: eventsource text, calls bigint, errors bigint, actions bigint, principals bigint
-- chart: bar eventsource calls

SELECT eventsource, count(*) AS calls, count(errorcode) AS errors, count(DISTINCT eventname) AS actions,
       count(DISTINCT useridentity.arn) AS principals
FROM cloudtrail_logs
WHERE eventcategory IN ('Management', 'Data', 'NetworkActivity')
GROUP BY eventsource
ORDER BY calls DESC, eventsource;
