-- name: address_activity
-- title: What came from an address
-- description: Principals and calls from one source address.
-- severity: info
-- tags: network
-- param: address text -- IP address, or the name of a service
-- columns: principal text, eventsource text, eventname text, calls bigint, errors bigint, first timestamp, last timestamp

SELECT useridentity.arn AS principal, eventsource, eventname, count(*) AS calls, count(errorcode) AS errors,
       min(eventtime) AS first, max(eventtime) AS last
FROM cloudtrail_logs
WHERE sourceipaddress = $address
GROUP BY useridentity.arn, eventsource, eventname
ORDER BY calls DESC, principal, eventsource, eventname;
