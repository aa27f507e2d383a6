-- name: principal_summary
-- title: Principals at a glance
-- description: For each principal: calls, errors, and the numbers of services, regions, addresses and agents it used.
-- severity: info
-- tags: identity
-- columns: principal text, type text, calls bigint, errors bigint, changes bigint, services bigint, regions bigint,
--   addresses bigint, agents bigint, first timestamp, last timestamp
-- chart: bar principal calls

SELECT useridentity.arn AS principal, max(useridentity.type) AS type, count(*) AS calls, count(errorcode) AS errors,
       count(CASE WHEN readonly = 'false' THEN 1 END) AS changes, count(DISTINCT eventsource) AS services,
       count(DISTINCT awsregion) AS regions, count(DISTINCT sourceipaddress) AS addresses,
       count(DISTINCT useragent) AS agents, min(eventtime) AS first, max(eventtime) AS last
FROM cloudtrail_logs
WHERE useridentity.arn IS NOT NULL
GROUP BY useridentity.arn
ORDER BY calls DESC, principal;
