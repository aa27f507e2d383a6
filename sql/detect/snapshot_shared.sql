-- name: snapshot_shared
-- title: Snapshot or image shared
-- description: A disk or database snapshot or a machine image was shared with another account or with everyone.
-- severity: high
-- tags: mitre:T1537
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Remove the permission; treat the content as copied.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE errorcode IS NULL
  AND ((eventname IN ('ModifySnapshotAttribute', 'ModifyImageAttribute')
        AND requestparameters LIKE '%"add":%')
       OR (eventname IN ('ModifyDBSnapshotAttribute', 'ModifyDBClusterSnapshotAttribute')
           AND requestparameters LIKE '%"valuesToAdd":%'))
ORDER BY eventtime, eventid;
