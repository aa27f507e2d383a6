-- name: principal_activity
-- title: What a principal did
-- description: Calls of one principal by service and action, with errors and the time of the first and last one.
-- severity: info
-- tags: identity
-- param: principal text -- ARN, user name, or the end of a session's ARN
-- columns: eventsource text, eventname text, calls bigint, errors bigint, addresses bigint, first timestamp, last timestamp

SELECT eventsource, eventname, count(*) AS calls, count(errorcode) AS errors,
       count(DISTINCT sourceipaddress) AS addresses, min(eventtime) AS first, max(eventtime) AS last
FROM cloudtrail_logs
WHERE useridentity.arn = $principal
   OR useridentity.username = $principal
   OR useridentity.arn LIKE '%/' || $principal
GROUP BY eventsource, eventname
ORDER BY calls DESC, eventsource, eventname;
