-- name: cis_4_02_console_sign_in_without_mfa
-- title: Console sign-in without MFA
-- description: Successful sign-ins of IAM users to the console without a second factor. Federated sign-ins are left out: their
--   second factor is checked elsewhere, and CloudTrail always says No.
-- severity: high
-- tags: cis:4.2 cis-1.2:3.2 cis-6:5.2 securityhub:CloudWatch.3 mitre:T1078.004
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That somebody was alerted and acted on it: the benchmark asks for an alarm, which CloudTrail does not show.
-- remediation: Require MFA with a policy on aws:MultiFactorAuthPresent, or move people to IAM Identity Center.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin'
  AND useridentity.type = 'IAMUser'
  AND responseelements LIKE '%"ConsoleLogin":"Success"%'
  AND (additionaleventdata IS NULL OR additionaleventdata NOT LIKE '%"MFAUsed":"Yes"%')
ORDER BY eventtime, eventid;
