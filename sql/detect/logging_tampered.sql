-- name: logging_tampered
-- title: Logging stopped or narrowed
-- description: A trail or event data store was stopped, deleted, or told to record less.
-- severity: critical
-- tags: mitre:T1562.008
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Start it again and treat the principal as compromised until it has explained itself.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE errorcode IS NULL
  AND ((eventsource = 'cloudtrail.amazonaws.com'
        AND eventname IN ('StopLogging', 'DeleteTrail', 'PutEventSelectors', 'PutInsightSelectors',
                          'StopEventDataStoreIngestion', 'DeleteEventDataStore'))
       OR eventname IN ('DeleteFlowLogs', 'DeleteLogGroup', 'DeleteLogStream'))
ORDER BY eventtime, eventid;
