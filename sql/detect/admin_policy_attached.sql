-- name: admin_policy_attached
-- title: Administrator rights granted
-- description: A policy with all rights was attached to, or written into, a user, group or role.
-- severity: critical
-- tags: mitre:T1098.003
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Detach the policy and review what the principal did since.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE errorcode IS NULL
  AND ((eventname IN ('AttachUserPolicy', 'AttachGroupPolicy', 'AttachRolePolicy')
        AND (requestparameters LIKE '%:policy/AdministratorAccess"%' OR requestparameters LIKE '%:policy/IAMFullAccess"%'))
       OR (eventname IN ('PutUserPolicy', 'PutGroupPolicy', 'PutRolePolicy', 'CreatePolicy', 'CreatePolicyVersion')
           AND regexp_like(requestparameters, 'Action([^A-Za-z0-9]|\\n)*[*]')))
ORDER BY eventtime, eventid;
