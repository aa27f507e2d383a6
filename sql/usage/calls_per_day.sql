-- name: calls_per_day
-- title: Calls per day
-- description: Calls, errors and changes of each day.
-- severity: info
-- tags: volume
-- columns: day timestamp, calls bigint, errors bigint, changes bigint
-- chart: line day calls

SELECT date_trunc('day', eventtime) AS day, count(*) AS calls, count(errorcode) AS errors,
       count(CASE WHEN readonly = 'false' THEN 1 END) AS changes
FROM cloudtrail_logs
WHERE eventcategory IN ('Management', 'Data', 'NetworkActivity')
GROUP BY date_trunc('day', eventtime)
ORDER BY day;
