-- name: mfa_deactivated
-- title: Second factor removed
-- description: An MFA device was deactivated or deleted.
-- severity: high
-- tags: mitre:T1556.006
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Ask the user by another channel; enrol a new device.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname IN ('DeactivateMFADevice', 'DeleteVirtualMFADevice') AND errorcode IS NULL
ORDER BY eventtime, eventid;
