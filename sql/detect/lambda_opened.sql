-- name: lambda_opened
-- title: Function open to everyone
-- description: A permission for any caller, or a URL without authentication, was put on a Lambda function.
-- severity: high
-- tags: mitre:T1648
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Remove the permission (lambda:RemovePermission) or require IAM authentication.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventsource = 'lambda.amazonaws.com'
  AND errorcode IS NULL
  AND ((eventname LIKE 'AddPermission%' AND requestparameters LIKE '%"principal":"*"%')
       OR (eventname LIKE '%FunctionUrlConfig%' AND requestparameters LIKE '%"authType":"NONE"%'))
ORDER BY eventtime, eventid;
