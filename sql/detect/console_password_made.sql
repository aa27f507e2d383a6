-- name: console_password_made
-- title: Console password set for a user
-- description: A password for the console was made or changed for an IAM user by somebody else.
-- severity: high
-- tags: mitre:T1098.001
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Ask the maker; delete the login profile.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname IN ('CreateLoginProfile', 'UpdateLoginProfile')
  AND errorcode IS NULL
  AND (useridentity.username IS NULL
       OR requestparameters NOT LIKE '%"userName":"' || useridentity.username || '"%')
ORDER BY eventtime, eventid;
