-- name: cis_4_09_config_changes
-- title: AWS Config configuration changes
-- description: The configuration recorder or its delivery channel was changed or stopped.
-- severity: high
-- tags: cis:4.9 cis-1.2:3.9 cis-6:5.9 securityhub:CloudWatch.9 mitre:T1562.001
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That somebody was alerted and acted on it: the benchmark asks for an alarm, which CloudTrail does not show.
-- remediation: Start the recorder again and restrict these calls to one role.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventsource = 'config.amazonaws.com'
  AND eventname IN ('StopConfigurationRecorder', 'DeleteDeliveryChannel', 'PutDeliveryChannel',
                    'PutConfigurationRecorder')
ORDER BY eventtime, eventid;
