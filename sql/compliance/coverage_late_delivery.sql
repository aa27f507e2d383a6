-- name: coverage_late_delivery
-- title: Events that CloudTrail delivered late or corrected
-- description: Events with an addendum: delivered late, after an outage, or as a correction of an earlier one.
-- severity: low
-- tags: coverage nist:AU-5
-- columns: eventid text, eventtime timestamp, account text, region text, eventname text, reason text, original text
-- expect: no rows
-- key: eventid
-- proves: Every event that CloudTrail itself marked as late or corrected is listed.
-- misses: Events that never came.
-- remediation: Run reports of the days concerned again.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, eventname, addendum.reason AS reason,
       addendum.originaleventid AS original
FROM cloudtrail_logs
WHERE addendum.reason IS NOT NULL
ORDER BY eventtime, eventid;
