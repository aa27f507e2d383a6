-- name: regions_in_use
-- title: Regions in use
-- description: Calls, changes and principals of each account and region.
-- severity: info
-- tags: volume
-- columns: account text, region text, calls bigint, changes bigint, principals bigint, last timestamp
-- chart: bar region calls

SELECT recipientaccountid AS account, awsregion AS region, count(*) AS calls,
       count(CASE WHEN readonly = 'false' THEN 1 END) AS changes, count(DISTINCT useridentity.arn) AS principals,
       max(eventtime) AS last
FROM cloudtrail_logs
WHERE eventcategory IN ('Management', 'Data', 'NetworkActivity')
GROUP BY recipientaccountid, awsregion
ORDER BY calls DESC, account, region;
