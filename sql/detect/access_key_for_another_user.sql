-- name: access_key_for_another_user
-- title: Access key made for another user
-- description: Somebody made an access key for an IAM user other than itself: a way to stay.
-- severity: high
-- tags: mitre:T1098.001
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Ask the maker; deactivate the key.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname = 'CreateAccessKey'
  AND errorcode IS NULL
  AND requestparameters LIKE '%"userName":%'
  AND (useridentity.username IS NULL
       OR requestparameters NOT LIKE '%"userName":"' || useridentity.username || '"%')
ORDER BY eventtime, eventid;
