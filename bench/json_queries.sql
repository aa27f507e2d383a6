-- Typical questions about what is in the JSON of events. DuckDB is asked the same text with json_extract_string in the place
-- of json_extract_scalar; every result is compared between the two engines.

-- name: buckets
SELECT json_extract_scalar(requestparameters, '$.bucketName') AS bucket, count(*) AS events FROM cloudtrail_logs
WHERE eventsource = 's3.amazonaws.com' GROUP BY 1 ORDER BY events DESC, bucket LIMIT 20;

-- name: buckets-of-all-services
SELECT json_extract_scalar(requestparameters, '$.bucketName') AS bucket, count(*) AS events FROM cloudtrail_logs
WHERE json_extract_scalar(requestparameters, '$.bucketName') IS NOT NULL GROUP BY 1 ORDER BY events DESC, bucket LIMIT 20;

-- name: one-role
SELECT eventname, count(*) AS events FROM cloudtrail_logs
WHERE json_extract_scalar(requestparameters, '$.roleName') = 'stratus-red-team-ec2-steal-credentials-role'
GROUP BY eventname ORDER BY events DESC, eventname;

-- name: two-sessions
SELECT eventname, errorcode, count(*) AS events FROM cloudtrail_logs
WHERE json_extract_scalar(requestparameters, '$.roleSessionName') IN ('AWSConfig-Describe', 'botocore-session')
GROUP BY eventname, errorcode ORDER BY events DESC, eventname, errorcode;

-- name: three-paths
SELECT json_extract_scalar(requestparameters, '$.roleArn') AS role,
       json_extract_scalar(requestparameters, '$.roleSessionName') AS session,
       json_extract_scalar(requestparameters, '$.durationSeconds') AS seconds, count(*) AS events
FROM cloudtrail_logs WHERE eventname = 'AssumeRole' GROUP BY 1, 2, 3 ORDER BY events DESC, role, session, seconds LIMIT 20;

-- name: four-paths-of-all-events
SELECT count(json_extract_scalar(requestparameters, '$.bucketName')) AS buckets,
       count(json_extract_scalar(requestparameters, '$.instanceId')) AS instances,
       count(json_extract_scalar(requestparameters, '$.userName')) AS users,
       count(json_extract_scalar(requestparameters, '$.policyArn')) AS policies
FROM cloudtrail_logs;

-- name: nested-and-indexed
SELECT json_extract_scalar(responseelements, '$.instancesSet.items[0].instanceType') AS type, count(*) AS events
FROM cloudtrail_logs WHERE eventname = 'RunInstances' GROUP BY 1 ORDER BY events DESC, type LIMIT 20;

-- name: console-mfa
SELECT json_extract_scalar(additionaleventdata, '$.MFAUsed') AS mfa,
       json_extract_scalar(responseelements, '$.ConsoleLogin') AS outcome, count(*) AS events
FROM cloudtrail_logs WHERE eventname = 'ConsoleLogin' GROUP BY 1, 2 ORDER BY events DESC, mfa, outcome;
