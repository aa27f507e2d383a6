-- name: log_file_validation_off
-- title: Trails without log file validation
-- description: Trails created or changed so that no digest files are written: without them nobody can prove that log files are
--   whole.
-- severity: high
-- tags: coverage nist:AU-9 mitre:T1562.008
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every trail that was created or changed in the time looked at and had validation off afterwards is listed.
-- misses: Trails that were not touched in the time looked at, and whether anybody verified the digests.
-- remediation: aws cloudtrail update-trail --name TRAIL --enable-log-file-validation, then verify the digests regularly.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname IN ('CreateTrail', 'UpdateTrail')
  AND errorcode IS NULL
  AND responseelements LIKE '%"logFileValidationEnabled":false%'
ORDER BY eventtime, eventid;
