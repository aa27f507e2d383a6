-- name: throttling
-- title: Throttled calls
-- description: Calls that AWS refused because there were too many of them.
-- severity: low
-- tags: errors
-- columns: hour timestamp, eventsource text, eventname text, principal text, calls bigint
-- chart: line hour calls

SELECT date_trunc('hour', eventtime) AS hour, eventsource, eventname, useridentity.arn AS principal, count(*) AS calls
FROM cloudtrail_logs
WHERE errorcode IN ('ThrottlingException', 'Throttling', 'RequestLimitExceeded', 'TooManyRequestsException',
                    'Client.RequestLimitExceeded', 'SlowDown', 'ProvisionedThroughputExceededException')
GROUP BY date_trunc('hour', eventtime), eventsource, eventname, useridentity.arn
ORDER BY hour, calls DESC, eventsource, eventname, principal;
