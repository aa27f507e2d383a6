-- name: session_activity
-- title: What a role session did
-- description: Calls of one session of a role, oldest first.
-- severity: info
-- tags: identity
-- param: session text -- Name of the session: the last part of its ARN
-- columns: eventid text, eventtime timestamp, role text, address text, useragent text, eventsource text,
--   eventname text, errorcode text

SELECT eventid, eventtime, useridentity.sessioncontext.sessionissuer.arn AS role, sourceipaddress AS address,
       useragent, eventsource, eventname, errorcode
FROM cloudtrail_logs
WHERE useridentity.type = 'AssumedRole'
  AND useridentity.principalid LIKE '%:' || $session
ORDER BY eventtime, eventid;
