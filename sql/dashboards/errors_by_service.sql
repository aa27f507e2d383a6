-- name: errors_by_service
-- title: Errors by service
-- description: One row per day, account, service, action and error code.
-- severity: info
-- tags: dashboard
-- columns: day date, account text, eventsource text, eventname text, errorcode text, errors bigint, principals bigint
-- chart: bar eventsource errors

SELECT CAST(date_trunc('day', eventtime) AS date) AS day, recipientaccountid AS account, eventsource, eventname,
       errorcode, count(*) AS errors, count(DISTINCT useridentity.arn) AS principals
FROM cloudtrail_logs
WHERE errorcode IS NOT NULL
GROUP BY CAST(date_trunc('day', eventtime) AS date), recipientaccountid, eventsource, eventname, errorcode
ORDER BY day, account, eventsource, eventname, errorcode;
