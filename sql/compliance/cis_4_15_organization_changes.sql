-- name: cis_4_15_organization_changes
-- title: AWS Organizations changes
-- description: Accounts invited, created, moved or removed, and policies of the organisation changed.
-- severity: high
-- tags: cis:4.15 cis-6:5.15 mitre:T1484
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That somebody was alerted and acted on it: the benchmark asks for an alarm, which CloudTrail does not show.
-- remediation: Restrict these calls to a role of the management account; restore the policy.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventsource = 'organizations.amazonaws.com'
  AND eventname IN ('AcceptHandshake', 'DeclineHandshake', 'CreateAccount', 'MoveAccount',
                    'InviteAccountToOrganization', 'RemoveAccountFromOrganization', 'LeaveOrganization',
                    'DeleteOrganization', 'CreateOrganizationalUnit', 'UpdateOrganizationalUnit',
                    'DeleteOrganizationalUnit', 'CreatePolicy', 'UpdatePolicy', 'DeletePolicy', 'AttachPolicy',
                    'DetachPolicy', 'EnablePolicyType', 'DisablePolicyType')
ORDER BY eventtime, eventid;
