-- name: cis_4_16_security_hub_changes
-- title: Security Hub switched off
-- description: Security Hub, its standards or controls were disabled. The benchmark asks that it is on, which is a state:
--   CloudTrail shows when it was switched off.
-- severity: high
-- tags: cis:4.16 cis-6:5.16 mitre:T1562.001
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That Security Hub is on: an account where it never was enabled has no rows either. Ask securityhub:DescribeHub.
-- remediation: Enable it in every region with central configuration of Security Hub.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventsource = 'securityhub.amazonaws.com'
  AND eventname IN ('DisableSecurityHub', 'DisableSecurityHubV2', 'BatchDisableStandards',
                    'DisassociateFromAdministratorAccount', 'DisassociateMembers', 'DeleteMembers',
                    'DisableImportFindingsForProduct')
ORDER BY eventtime, eventid;
