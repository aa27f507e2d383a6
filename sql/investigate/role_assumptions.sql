-- name: role_assumptions
-- title: Who became whom
-- description: Roles that were assumed, by whom, from where and how often.
-- severity: info
-- tags: identity mitre:T1548.005
-- columns: caller text, role text, eventname text, address text, calls bigint, errors bigint, first timestamp,
--   last timestamp

SELECT coalesce(useridentity.arn, useridentity.invokedby, useridentity.username) AS caller,
       NULLIF(split_part(split_part(requestparameters, '"roleArn":"', 2), '"', 1), '') AS role,
       eventname, sourceipaddress AS address, count(*) AS calls, count(errorcode) AS errors,
       min(eventtime) AS first, max(eventtime) AS last
FROM cloudtrail_logs
WHERE eventsource = 'sts.amazonaws.com'
  AND eventname IN ('AssumeRole', 'AssumeRoleWithSAML', 'AssumeRoleWithWebIdentity', 'AssumeRoot')
GROUP BY coalesce(useridentity.arn, useridentity.invokedby, useridentity.username),
         NULLIF(split_part(split_part(requestparameters, '"roleArn":"', 2), '"', 1), ''), eventname, sourceipaddress
ORDER BY calls DESC, caller, role, eventname, address;
