-- name: readonly_sources
-- title: Who reads the most
-- description: Principals and actions that dominate the read-only events: candidates for an exclusion, or for a cache.
-- severity: info
-- tags: volume cost
-- columns: eventsource text, eventname text, principal text, useragent text, events bigint
-- chart: bar eventname events

SELECT eventsource, eventname, useridentity.arn AS principal, max(useragent) AS useragent, count(*) AS events
FROM cloudtrail_logs
WHERE readonly = 'true'
GROUP BY eventsource, eventname, useridentity.arn
ORDER BY events DESC, eventsource, eventname, principal
LIMIT 200;
