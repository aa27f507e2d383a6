-- name: iam_user_created
-- title: IAM user created
-- description: IAM users live long and carry long-lived keys; people and programs should use roles.
-- severity: medium
-- tags: mitre:T1136.003
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Delete the user unless it was planned; use a role.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname = 'CreateUser' AND eventsource = 'iam.amazonaws.com' AND errorcode IS NULL
ORDER BY eventtime, eventid;
