-- name: integrity_not_proved
-- title: Days with events that no digest proves
-- description: Log files behind the events of an account, region and day that no recorded validation proved. Where nobody ever
--   validated anything, that is every day.
-- severity: medium
-- tags: coverage integrity nist:AU-9(3) pci:10.3.2
-- param: settled timestamp = 1d -- Look only at events before this time: digests come an hour or two later
-- columns: account text, region text, day timestamp, state text, log_files bigint, events bigint, reason text
-- expect: no rows
-- key: account, region, day, state
-- proves: Every event before the given time is from a log file that was proved by a digest that CloudTrail signed, or its day is
--   listed.
-- misses: Log files that were deleted before anybody ingested or validated them, and what was done to the lake afterwards.
-- remediation: Take logs by trailql ingest --verify, or run trailql validate --record over the bucket on a schedule; state says
--   what is known now.

SELECT account, region, day, state, count(*) AS log_files, sum(events) AS events, min(reason) AS reason
FROM (SELECT l.account, l.region, l.day, l.events, coalesce(i.state, 'not_checked') AS state,
             coalesce(i.reason, 'no validation of it was recorded') AS reason
      FROM (SELECT sourcefile, recipientaccountid AS account, awsregion AS region, date_trunc('day', eventtime) AS day,
                   count(*) AS events
            FROM cloudtrail_logs
            WHERE eventtime < $settled
            GROUP BY 1, 2, 3, 4) AS l
      LEFT JOIN cloudtrail_integrity AS i ON i.sourcefile = l.sourcefile) AS files
WHERE state <> 'proved'
GROUP BY account, region, day, state
ORDER BY account, region, day, state;
