-- name: audit_record_content
-- title: Audit records without who, what, when or where
-- description: Calls that lack the identity, the action, the source or the time that an audit record must have.
-- severity: low
-- tags: coverage pci:10.2.2 nist:AU-3
-- columns: eventid text, eventtime timestamp, account text, eventsource text, eventname text, address text, type text
-- expect: no rows
-- key: eventid
-- proves: Every call recorded without user, action, time, origin or service is listed.
-- misses: Whether what the record says is right.
-- remediation: None: the record is as AWS delivered it; note the service as an exception.

SELECT eventid, eventtime, recipientaccountid AS account, eventsource, eventname, sourceipaddress AS address,
       useridentity.type AS type
FROM cloudtrail_logs
WHERE eventcategory IN ('Management', 'Data', 'NetworkActivity')
  AND (eventname IS NULL OR eventsource IS NULL OR eventtime IS NULL OR sourceipaddress IS NULL
       OR (useridentity.type IS NULL AND useridentity.invokedby IS NULL AND useridentity.accountid IS NULL))
ORDER BY eventid;
