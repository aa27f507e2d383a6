-- name: open_to_the_world
-- title: Security group opened to the world
-- description: A rule for 0.0.0.0/0 or ::/0 was added to a security group.
-- severity: high
-- tags: mitre:T1562.007
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Revoke the rule; put the service behind a load balancer or a VPN.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname IN ('AuthorizeSecurityGroupIngress', 'ModifySecurityGroupRules')
  AND errorcode IS NULL
  AND (requestparameters LIKE '%0.0.0.0/0%' OR requestparameters LIKE '%"::/0"%')
ORDER BY eventtime, eventid;
