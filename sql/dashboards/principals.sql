-- name: principals
-- title: Principals by day
-- description: One row per day and principal with its numbers.
-- severity: info
-- tags: dashboard
-- columns: day date, account text, type text, principal text, calls bigint, errors bigint, changes bigint,
--   services bigint, addresses bigint
-- chart: bar principal calls

SELECT CAST(date_trunc('day', eventtime) AS date) AS day, recipientaccountid AS account, useridentity.type AS type,
       useridentity.arn AS principal, count(*) AS calls, count(errorcode) AS errors,
       count(CASE WHEN readonly = 'false' THEN 1 END) AS changes, count(DISTINCT eventsource) AS services,
       count(DISTINCT sourceipaddress) AS addresses
FROM cloudtrail_logs
WHERE useridentity.arn IS NOT NULL
GROUP BY CAST(date_trunc('day', eventtime) AS date), recipientaccountid, useridentity.type, useridentity.arn
ORDER BY day, account, calls DESC, principal, type;
