-- name: commands_run_on_instances
-- title: Commands run on instances
-- description: Commands or shells were started on instances through Systems Manager or EC2 Instance Connect.
-- severity: medium
-- tags: mitre:T1651
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Check that the principal is one of the operators.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname IN ('SendCommand', 'StartSession', 'SendSSHPublicKey', 'SendSerialConsoleSSHPublicKey')
  AND errorcode IS NULL
ORDER BY eventtime, eventid;
