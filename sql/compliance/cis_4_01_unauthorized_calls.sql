-- name: cis_4_01_unauthorized_calls
-- title: Unauthorized API calls
-- description: Calls that were refused for lack of permission. A burst of them is somebody rattling at doors; a steady trickle
--   is a broken policy.
-- severity: medium
-- tags: cis:4.1 cis-1.2:3.1 cis-6:5.1 securityhub:CloudWatch.2 mitre:T1580
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That somebody was alerted and acted on it: the benchmark asks for an alarm, which CloudTrail does not show.
-- remediation: Find the principal, grant what it rightly needs, and revoke the credentials of one that has no business there.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE errorcode LIKE '%UnauthorizedOperation' OR errorcode LIKE 'AccessDenied%'
ORDER BY eventtime, eventid;
