-- name: cis_4_12_gateway_changes
-- title: Network gateway changes
-- description: Customer and internet gateways created, deleted, attached or detached.
-- severity: medium
-- tags: cis:4.12 cis-1.2:3.12 cis-6:5.12 securityhub:CloudWatch.12 mitre:T1562.007
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That somebody was alerted and acted on it: the benchmark asks for an alarm, which CloudTrail does not show.
-- remediation: Check that no private network got a way to the internet.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname IN ('CreateCustomerGateway', 'DeleteCustomerGateway', 'AttachInternetGateway', 'CreateInternetGateway',
                    'DeleteInternetGateway', 'DetachInternetGateway')
ORDER BY eventtime, eventid;
