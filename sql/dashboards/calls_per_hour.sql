-- name: calls_per_hour
-- title: Calls per hour
-- description: One row per hour, account, region and service. Incremental by day: a day's rows never change once all of its
--   log files are in.
-- severity: info
-- tags: dashboard
-- columns: day date, hour timestamp, account text, region text, eventsource text, calls bigint, errors bigint,
--   changes bigint
-- chart: line hour calls by eventsource

SELECT CAST(date_trunc('day', eventtime) AS date) AS day, date_trunc('hour', eventtime) AS hour,
       recipientaccountid AS account, awsregion AS region, eventsource, count(*) AS calls, count(errorcode) AS errors,
       count(CASE WHEN readonly = 'false' THEN 1 END) AS changes
FROM cloudtrail_logs
WHERE eventcategory IN ('Management', 'Data', 'NetworkActivity')
GROUP BY CAST(date_trunc('day', eventtime) AS date), date_trunc('hour', eventtime), recipientaccountid, awsregion,
         eventsource
ORDER BY hour, account, region, eventsource;
