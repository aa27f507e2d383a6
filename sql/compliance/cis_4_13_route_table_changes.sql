-- name: cis_4_13_route_table_changes
-- title: Route table changes
-- description: Routes or route tables were changed.
-- severity: medium
-- tags: cis:4.13 cis-1.2:3.13 cis-6:5.13 securityhub:CloudWatch.13 mitre:T1562.007
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- proves: Every matching call that CloudTrail recorded in the time looked at is listed; no rows means that none was
--   recorded.
-- misses: That somebody was alerted and acted on it: the benchmark asks for an alarm, which CloudTrail does not show.
-- remediation: Check where traffic goes now; restore the route.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname IN ('CreateRoute', 'CreateRouteTable', 'ReplaceRoute', 'ReplaceRouteTableAssociation',
                    'DeleteRouteTable', 'DeleteRoute', 'DisassociateRouteTable')
ORDER BY eventtime, eventid;
