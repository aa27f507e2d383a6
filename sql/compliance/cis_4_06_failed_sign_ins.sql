-- name: cis_4_06_failed_sign_ins
-- title: Console authentication failures
-- description: Sign-ins to the console with a wrong password.
-- severity: medium
-- tags: cis:4.6 cis-1.2:3.6 cis-6:5.6 securityhub:CloudWatch.6 mitre:T1110
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That somebody was alerted and acted on it: the benchmark asks for an alarm, which CloudTrail does not show.
-- remediation: Ask the user; block the address and change the password where it was not the user.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin' AND errormessage = 'Failed authentication'
ORDER BY eventtime, eventid;
