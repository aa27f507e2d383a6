-- name: first_seen_apis
-- title: Actions used for the first time
-- description: Actions that a known principal called for the first time.
-- severity: low
-- tags: identity
-- param: recent timestamp = 7d -- New is what was never seen before this time
-- columns: principal text, eventsource text, eventname text, first timestamp, calls bigint

SELECT seen.principal, seen.eventsource, seen.eventname, seen.first, seen.calls
FROM (SELECT useridentity.arn AS principal, eventsource, eventname, min(eventtime) AS first, count(*) AS calls
      FROM cloudtrail_logs
      WHERE useridentity.arn IS NOT NULL
      GROUP BY useridentity.arn, eventsource, eventname) AS seen
JOIN (SELECT useridentity.arn AS principal, min(eventtime) AS first
      FROM cloudtrail_logs
      WHERE useridentity.arn IS NOT NULL
      GROUP BY useridentity.arn) AS known
  ON known.principal = seen.principal
WHERE seen.first >= $recent AND known.first < $recent
ORDER BY seen.first, seen.principal, seen.eventsource, seen.eventname;
