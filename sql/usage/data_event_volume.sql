-- name: data_event_volume
-- title: Data events by resource
-- description: Which buckets, functions and tables make the data events, and so the bill.
-- severity: info
-- tags: volume cost
-- columns: eventsource text, resource text, eventname text, events bigint, principals bigint
-- chart: bar resource events

SELECT eventsource,
       coalesce(NULLIF(split_part(split_part(requestparameters, '"bucketName":"', 2), '"', 1), ''),
                NULLIF(split_part(split_part(requestparameters, '"functionName":"', 2), '"', 1), ''),
                NULLIF(split_part(split_part(requestparameters, '"tableName":"', 2), '"', 1), '')) AS resource,
       eventname, count(*) AS events, count(DISTINCT useridentity.arn) AS principals
FROM cloudtrail_logs
WHERE eventcategory = 'Data'
GROUP BY eventsource,
         coalesce(NULLIF(split_part(split_part(requestparameters, '"bucketName":"', 2), '"', 1), ''),
                  NULLIF(split_part(split_part(requestparameters, '"functionName":"', 2), '"', 1), ''),
                  NULLIF(split_part(split_part(requestparameters, '"tableName":"', 2), '"', 1), '')),
         eventname
ORDER BY events DESC, eventsource, resource, eventname;
