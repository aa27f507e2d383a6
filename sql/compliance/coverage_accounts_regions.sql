-- name: coverage_accounts_regions
-- title: Accounts and regions that fell silent
-- description: Pairs of account and region whose last event is older than a day before the newest event of all.
-- severity: medium
-- tags: coverage nist:AU-12 pci:10.7
-- columns: account text, region text, events bigint, first timestamp, last timestamp
-- expect: no rows
-- key: account, region
-- proves: Every account and region that was heard at all in the time looked at and is not heard any more is listed.
-- misses: Accounts and regions that were never heard: CloudTrail says nothing about what it does not record.
-- remediation: Check the trail of the account (aws cloudtrail get-trail-status) and the bucket policy.

SELECT silent.account, silent.region, silent.events, silent.first, silent.last
FROM (SELECT recipientaccountid AS account, awsregion AS region, count(*) AS events, min(eventtime) AS first,
             max(eventtime) AS last
      FROM cloudtrail_logs
      GROUP BY recipientaccountid, awsregion) AS silent
CROSS JOIN (SELECT max(eventtime) AS newest FROM cloudtrail_logs) AS whole
WHERE silent.last < whole.newest - INTERVAL '1' DAY
ORDER BY silent.last, silent.account, silent.region;
