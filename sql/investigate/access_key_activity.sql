-- name: access_key_activity
-- title: What an access key did
-- description: Calls signed with one access key, by service, action and address.
-- severity: info
-- tags: identity
-- param: key text -- Access key ID, such as AKIAIOSFODNN7EXAMPLE
-- columns: eventsource text, eventname text, address text, principal text, calls bigint, errors bigint,
--   first timestamp, last timestamp

SELECT eventsource, eventname, sourceipaddress AS address, useridentity.arn AS principal, count(*) AS calls,
       count(errorcode) AS errors, min(eventtime) AS first, max(eventtime) AS last
FROM cloudtrail_logs
WHERE useridentity.accesskeyid = $key
GROUP BY eventsource, eventname, sourceipaddress, useridentity.arn
ORDER BY first, eventsource, eventname, address, principal;
