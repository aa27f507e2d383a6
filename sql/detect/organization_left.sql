-- name: organization_left
-- title: Account tries to leave the organisation
-- description: An account left, or tried to leave, its organisation: its service control policies would no longer hold.
-- severity: critical
-- tags: mitre:T1562
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Deny organizations:LeaveOrganization by a service control policy.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname = 'LeaveOrganization'
ORDER BY eventtime, eventid;
