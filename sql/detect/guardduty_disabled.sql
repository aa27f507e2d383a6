-- name: guardduty_disabled
-- title: GuardDuty switched off or blinded
-- description: A detector was deleted or suspended, members removed, or addresses declared trusted.
-- severity: critical
-- tags: mitre:T1562.001
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Enable the detector again, through the delegated administrator.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE errorcode IS NULL
  AND eventsource = 'guardduty.amazonaws.com'
  AND (eventname IN ('DeleteDetector', 'DeleteMembers', 'DisassociateMembers', 'DisassociateFromAdministratorAccount',
                     'StopMonitoringMembers', 'CreateIPSet')
       OR (eventname = 'UpdateDetector' AND requestparameters LIKE '%"enable":false%'))
ORDER BY eventtime, eventid;
