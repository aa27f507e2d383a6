-- name: kms_policy_changed
-- title: Key policy or grant changed
-- description: Who may use a KMS key was changed.
-- severity: medium
-- tags: mitre:T1098
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Compare with the old policy; retire the grant.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventsource = 'kms.amazonaws.com'
  AND eventname IN ('PutKeyPolicy', 'CreateGrant')
  AND errorcode IS NULL
  AND useridentity.invokedby IS NULL
ORDER BY eventtime, eventid;
