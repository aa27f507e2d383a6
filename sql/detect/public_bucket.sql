-- name: public_bucket
-- title: Bucket made public
-- description: An ACL or policy for everyone was put on a bucket, or the block on public access was lifted.
-- severity: critical
-- tags: mitre:T1530
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Turn on Block Public Access for the account; look for GetObject by anonymous callers since.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventsource = 's3.amazonaws.com'
  AND errorcode IS NULL
  AND ((eventname = 'PutBucketAcl'
        AND (requestparameters LIKE '%acs.amazonaws.com/groups/global/%' OR requestparameters LIKE '%public-read%'))
       OR (eventname = 'PutBucketPolicy'
           AND regexp_like(requestparameters, '"Principal":("\*"|\{"AWS":\[?"\*")'))
       OR eventname IN ('DeleteBucketPublicAccessBlock', 'DeletePublicAccessBlock', 'DeleteAccountPublicAccessBlock')
       OR (eventname IN ('PutBucketPublicAccessBlock', 'PutPublicAccessBlock', 'PutAccountPublicAccessBlock')
           AND requestparameters LIKE '%:false%'))
ORDER BY eventtime, eventid;
