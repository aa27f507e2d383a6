-- name: root_console_sign_in
-- title: Root signed in to the console
-- description: The root user signed in, or tried to.
-- severity: critical
-- tags: mitre:T1078.004
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Check who it was; change the password and the MFA device if nobody admits to it.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin' AND useridentity.type = 'Root'
ORDER BY eventtime, eventid;
