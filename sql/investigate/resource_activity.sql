-- name: resource_activity
-- title: What happened to a resource
-- description: Calls that name a resource in their parameters or in their answer, oldest first.
-- severity: info
-- tags: resource
-- param: resource text -- Name, ID or ARN of the resource, such as i-0123456789abcdef0
-- columns: eventid text, eventtime timestamp, principal text, address text, eventsource text, eventname text,
--   errorcode text, requestparameters text

SELECT eventid, eventtime, useridentity.arn AS principal, sourceipaddress AS address, eventsource, eventname,
       errorcode, requestparameters
FROM cloudtrail_logs
WHERE requestparameters LIKE '%' || $resource || '%'
   OR responseelements LIKE '%' || $resource || '%'
ORDER BY eventtime, eventid;
