-- name: cis_4_04_iam_policy_changes
-- title: IAM policy changes
-- description: Policies created, deleted, attached or detached.
-- severity: medium
-- tags: cis:4.4 cis-1.2:3.4 cis-6:5.4 securityhub:CloudWatch.4 mitre:T1098.003
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That somebody was alerted and acted on it: the benchmark asks for an alarm, which CloudTrail does not show.
-- remediation: Compare with the change tickets; revert what nobody asked for.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname IN ('DeleteGroupPolicy', 'DeleteRolePolicy', 'DeleteUserPolicy', 'PutGroupPolicy', 'PutRolePolicy',
                    'PutUserPolicy', 'CreatePolicy', 'DeletePolicy', 'CreatePolicyVersion', 'DeletePolicyVersion',
                    'AttachRolePolicy', 'DetachRolePolicy', 'AttachUserPolicy', 'DetachUserPolicy',
                    'AttachGroupPolicy', 'DetachGroupPolicy')
ORDER BY eventtime, eventid;
