-- The query set: what people ask of a trail on a normal day. The same text runs on trailql and on DuckDB.
-- Each query starts with a line `-- name: …`; every result is compared between the two engines.

-- name: count
SELECT count(*) AS events FROM cloudtrail_logs;

-- name: per-day
SELECT region, date, count(*) AS events FROM cloudtrail_logs GROUP BY region, date ORDER BY region, date;

-- name: top-events
SELECT eventsource, eventname, count(*) AS events FROM cloudtrail_logs
GROUP BY eventsource, eventname ORDER BY events DESC, eventsource, eventname LIMIT 20;

-- name: errors
SELECT eventsource, errorcode, count(*) AS events FROM cloudtrail_logs WHERE errorcode IS NOT NULL
GROUP BY eventsource, errorcode ORDER BY events DESC, eventsource, errorcode LIMIT 20;

-- name: who
SELECT useridentity.arn AS arn, count(*) AS events FROM cloudtrail_logs
GROUP BY useridentity.arn ORDER BY events DESC, arn LIMIT 20;

-- name: console-without-mfa
SELECT sourceipaddress, count(*) AS events FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin' AND additionaleventdata LIKE '%"MFAUsed":"No"%'
GROUP BY sourceipaddress ORDER BY events DESC, sourceipaddress LIMIT 20;

-- name: changes-by-role
SELECT useridentity.sessioncontext.sessionissuer.username AS role, eventname, count(*) AS events FROM cloudtrail_logs
WHERE readonly = false AND useridentity.type = 'AssumedRole'
GROUP BY useridentity.sessioncontext.sessionissuer.username, eventname ORDER BY events DESC, role, eventname LIMIT 20;

-- name: one-day
SELECT eventname, count(*) AS events, count(DISTINCT sourceipaddress) AS addresses FROM cloudtrail_logs
WHERE eventtime >= TIMESTAMP '2024-03-04 00:00:00' AND eventtime < TIMESTAMP '2024-03-05 00:00:00'
GROUP BY eventname ORDER BY events DESC, eventname LIMIT 20;

-- name: one-hour-one-region
SELECT eventid, eventname, sourceipaddress, errorcode FROM cloudtrail_logs
WHERE region = 'us-west-2' AND date = DATE '2024-03-04'
  AND eventtime >= TIMESTAMP '2024-03-04 12:00:00' AND eventtime < TIMESTAMP '2024-03-04 13:00:00'
ORDER BY eventid LIMIT 100;

-- name: addresses-per-key
SELECT useridentity.accesskeyid AS accesskey, count(DISTINCT sourceipaddress) AS addresses FROM cloudtrail_logs
WHERE useridentity.accesskeyid IS NOT NULL
GROUP BY useridentity.accesskeyid ORDER BY addresses DESC, accesskey LIMIT 20;

-- name: search-in-parameters
SELECT eventname, count(*) AS events FROM cloudtrail_logs WHERE requestparameters LIKE '%0.0.0.0/0%'
GROUP BY eventname ORDER BY events DESC, eventname LIMIT 20;

-- name: newest-of-one-address
SELECT eventid, eventname, eventsource FROM cloudtrail_logs WHERE sourceipaddress = '${ADDRESS}'
ORDER BY eventtime DESC, eventid LIMIT 50;

-- name: needle-event-id
SELECT eventname, eventsource, useridentity.arn AS arn, requestparameters FROM cloudtrail_logs
WHERE eventid = '${EVENT_ID}';

-- name: needle-access-key
SELECT eventid, eventname, sourceipaddress FROM cloudtrail_logs
WHERE useridentity.accesskeyid = '${ACCESS_KEY}' ORDER BY eventid;
