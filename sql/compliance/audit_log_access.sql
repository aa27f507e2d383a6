-- name: audit_log_access
-- title: Access to the audit logs
-- description: Who read, changed or deleted objects of CloudTrail's own log layout in S3.
-- severity: medium
-- tags: pci:10.2.1.3 nist:AU-9
-- columns: eventid text, eventtime timestamp, principal text, address text, eventname text, errorcode text,
--   requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every recorded call on an object below AWSLogs/ by another than CloudTrail itself is listed.
-- misses: Reads, unless data events of the log bucket are recorded.
-- remediation: Restrict the bucket to the auditors' role, and turn on data events and Object Lock for it.

SELECT eventid, eventtime, useridentity.arn AS principal, sourceipaddress AS address, eventname, errorcode,
       requestparameters
FROM cloudtrail_logs
WHERE eventsource = 's3.amazonaws.com'
  AND requestparameters LIKE '%AWSLogs/%'
  AND eventname IN ('GetObject', 'PutObject', 'DeleteObject', 'DeleteObjects', 'CopyObject', 'RestoreObject')
  AND sourceipaddress <> 'cloudtrail.amazonaws.com'
ORDER BY eventtime, eventid;
