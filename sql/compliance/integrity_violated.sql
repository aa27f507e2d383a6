-- name: integrity_violated
-- title: Log files and digests that are not what CloudTrail delivered
-- description: Log files that were altered, deleted or added, and digests that were altered, forged or deleted, as the recorded
--   validations found them.
-- severity: critical
-- tags: integrity nist:AU-9(3) pci:10.3.2 mitre:T1565.001 mitre:T1070
-- columns: object text, kind text, state text, reason text, trail text, account text, region text, checked timestamp
-- expect: no rows
-- key: object, state
-- proves: Everything that trailql validate --record and trailql ingest --verify found to be invalid, and that no later run found
--   to be valid, is listed, whatever the time looked at.
-- misses: What no run looked at: see integrity_not_proved.
-- remediation: Keep the bucket as it is, run trailql validate over the time with --export-evidence, and find who could write to the
--   bucket.

SELECT sourcefile AS object, 'log file' AS kind, state, reason, trail, account, region, checked
FROM cloudtrail_integrity
WHERE state IN ('failed', 'missing', 'not_mentioned')
UNION ALL
SELECT digest AS object, 'digest' AS kind, verdict AS state, reason, trail, account, region, checked
FROM cloudtrail_digests
WHERE verdict = 'invalid'
ORDER BY checked, object;
