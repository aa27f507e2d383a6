-- name: cis_4_03_root_use
-- title: Use of the root user
-- description: Calls made with the credentials of the root user, other than those that an AWS service made for it.
-- severity: critical
-- tags: cis:4.3 cis-1.2:3.3 cis-6:5.3 securityhub:CloudWatch.1 mitre:T1078.004
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That somebody was alerted and acted on it: the benchmark asks for an alarm, which CloudTrail does not show.
-- remediation: Lock the root credentials away, delete root access keys, and use roles for daily work.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE useridentity.type = 'Root'
  AND useridentity.invokedby IS NULL
  AND eventtype <> 'AwsServiceEvent'
ORDER BY eventtime, eventid;
