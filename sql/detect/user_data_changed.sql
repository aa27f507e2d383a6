-- name: user_data_changed
-- title: Start script of an instance changed
-- description: The user data of an instance was changed: it runs as root at the next start.
-- severity: high
-- tags: mitre:T1578
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Compare the user data with the template; replace the instance.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname = 'ModifyInstanceAttribute' AND errorcode IS NULL AND requestparameters LIKE '%"userData":%'
ORDER BY eventtime, eventid;
