-- name: role_trust_changed
-- title: Trust policy of a role changed
-- description: Who may assume a role was changed: a way in from another account.
-- severity: high
-- tags: mitre:T1098.003
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Compare the new trust policy with the old one; remove unknown accounts.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname = 'UpdateAssumeRolePolicy' AND errorcode IS NULL
ORDER BY eventtime, eventid;
