-- name: cis_4_07_kms_key_disabled
-- title: Customer keys disabled or scheduled for deletion
-- description: KMS keys that were disabled or given a date of deletion. What they encrypt is lost when they go.
-- severity: high
-- tags: cis:4.7 cis-1.2:3.7 cis-6:5.7 securityhub:CloudWatch.7 mitre:T1485
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That somebody was alerted and acted on it: the benchmark asks for an alarm, which CloudTrail does not show.
-- remediation: Cancel the deletion (kms:CancelKeyDeletion) and enable the key unless the change was planned.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventsource = 'kms.amazonaws.com' AND eventname IN ('DisableKey', 'ScheduleKeyDeletion')
ORDER BY eventtime, eventid;
