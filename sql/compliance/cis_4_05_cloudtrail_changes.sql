-- name: cis_4_05_cloudtrail_changes
-- title: CloudTrail configuration changes
-- description: Trails created, changed, deleted, started or stopped.
-- severity: high
-- tags: cis:4.5 cis-1.2:3.5 cis-6:5.5 securityhub:CloudWatch.5 mitre:T1562.008
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That somebody was alerted and acted on it: the benchmark asks for an alarm, which CloudTrail does not show.
-- remediation: Start the trail again, and restrict these calls to one role by a service control policy.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname IN ('CreateTrail', 'UpdateTrail', 'DeleteTrail', 'StartLogging', 'StopLogging')
ORDER BY eventtime, eventid;
