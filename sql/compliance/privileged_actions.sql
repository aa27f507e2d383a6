-- name: privileged_actions
-- title: Actions that change identities
-- description: How often each principal created, changed or deleted users, keys, groups and roles.
-- severity: info
-- tags: pci:10.2.1.2 pci:10.2.1.5 soc2:CC6.2 soc2:CC6.3 nist:AU-12
-- columns: principal text, eventname text, calls bigint, errors bigint, first timestamp, last timestamp
-- proves: Every recorded change of an identity is counted under who made it.
-- misses: Whether the change was approved.

SELECT useridentity.arn AS principal, eventname, count(*) AS calls, count(errorcode) AS errors,
       min(eventtime) AS first, max(eventtime) AS last
FROM cloudtrail_logs
WHERE eventsource IN ('iam.amazonaws.com', 'sso.amazonaws.com', 'identitystore.amazonaws.com')
  AND readonly = 'false'
GROUP BY useridentity.arn, eventname
ORDER BY calls DESC, principal, eventname;
