-- The guided tour of `trailql demo`: a question, and the query that answers it.

-- ask: What is in these logs?
SELECT count(*) AS events, min(eventtime) AS first, max(eventtime) AS last,
       count(DISTINCT recipientaccountid) AS accounts, count(DISTINCT region) AS regions,
       count(DISTINCT eventname) AS apis
FROM cloudtrail_logs;

-- ask: Who is busy here, and who is being refused?
SELECT useridentity.arn AS who, count(*) AS events, count(DISTINCT eventname) AS apis, count(errorcode) AS errors
FROM cloudtrail_logs
WHERE useridentity.type IN ('IAMUser', 'AssumedRole', 'Root')
GROUP BY useridentity.arn
ORDER BY events DESC, who
LIMIT 6;

-- ask: Did anyone sign in to the console without a second factor?
SELECT eventtime, useridentity.username AS username, sourceipaddress, responseelements
FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin' AND additionaleventdata LIKE '%"MFAUsed":"No"%'
ORDER BY eventtime;

-- ask: Who rattles at doors: ten refusals or more within one minute?
SELECT date_trunc('minute', eventtime) AS minute, useridentity.arn AS who, count(*) AS refused,
       count(DISTINCT eventname) AS apis, min(eventname) AS such_as
FROM cloudtrail_logs
WHERE errorcode LIKE '%AccessDenied%' OR errorcode LIKE '%Unauthorized%'
GROUP BY date_trunc('minute', eventtime), useridentity.arn
HAVING count(*) >= 10
ORDER BY minute, who;

-- ask: Who was given new ways in on 10 July 2023? (reads one day's files only)
SELECT eventtime, eventname, useridentity.username AS by_user, requestparameters
FROM cloudtrail_logs
WHERE date = '2023-07-10' AND errorcode IS NULL
  AND eventname IN ('CreateUser', 'CreateAccessKey', 'CreateLoginProfile', 'AttachUserPolicy', 'UpdateAssumeRolePolicy')
ORDER BY eventtime, eventname
LIMIT 8;

-- ask: What did one access key do, first things first?
SELECT eventsource, eventname, count(*) AS calls, count(errorcode) AS errors, min(eventtime) AS first
FROM cloudtrail_logs
WHERE useridentity.accesskeyid = 'AKIATFQR7NSCUXC3DDDP'
GROUP BY eventsource, eventname
ORDER BY first, eventname
LIMIT 8;

-- ask: Is anything lost on the way? One event, whole, as it was delivered:
SELECT eventjson
FROM cloudtrail_logs
WHERE eventname = 'StopLogging'
ORDER BY eventtime
LIMIT 1;
