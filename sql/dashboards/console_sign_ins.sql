-- name: console_sign_ins
-- title: Console sign-ins
-- description: One row per sign-in to the console, whether it succeeded and whether a second factor was used.
-- severity: info
-- tags: dashboard
-- columns: day date, eventtime timestamp, account text, username text, type text, address text, mfa text, result text
-- chart: count eventtime

SELECT CAST(date_trunc('day', eventtime) AS date) AS day, eventtime, recipientaccountid AS account,
       useridentity.username AS username, useridentity.type AS type, sourceipaddress AS address,
       NULLIF(split_part(split_part(additionaleventdata, '"MFAUsed":"', 2), '"', 1), '') AS mfa,
       NULLIF(split_part(split_part(responseelements, '"ConsoleLogin":"', 2), '"', 1), '') AS result
FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin'
ORDER BY eventtime, account, username, address;
