-- name: data_events_by_bucket
-- title: Data events by bucket
-- description: One row per day, bucket and action.
-- severity: info
-- tags: dashboard
-- columns: day date, account text, bucket text, eventname text, events bigint, errors bigint, principals bigint,
--   bytes_in double, bytes_out double
-- chart: bar bucket events

SELECT CAST(date_trunc('day', eventtime) AS date) AS day, recipientaccountid AS account,
       NULLIF(split_part(split_part(requestparameters, '"bucketName":"', 2), '"', 1), '') AS bucket,
       eventname, count(*) AS events, count(errorcode) AS errors, count(DISTINCT useridentity.arn) AS principals,
       sum(CAST(NULLIF(split_part(split_part(split_part(additionaleventdata, '"bytesTransferredIn":', 2), ',', 1),
                                  '}', 1), '') AS double)) AS bytes_in,
       sum(CAST(NULLIF(split_part(split_part(split_part(additionaleventdata, '"bytesTransferredOut":', 2), ',', 1),
                                  '}', 1), '') AS double)) AS bytes_out
FROM cloudtrail_logs
WHERE eventsource = 's3.amazonaws.com' AND eventcategory = 'Data'
GROUP BY CAST(date_trunc('day', eventtime) AS date), recipientaccountid,
         NULLIF(split_part(split_part(requestparameters, '"bucketName":"', 2), '"', 1), ''), eventname
ORDER BY day, account, bucket, eventname;
