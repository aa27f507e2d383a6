-- name: coverage_silent_hours
-- title: Hours without any event
-- description: Stretches of time in which an account that is otherwise busy recorded nothing at all.
-- severity: medium
-- tags: coverage nist:AU-5 pci:10.7
-- columns: account text, silent_from timestamp, silent_until timestamp
-- expect: no rows
-- key: account, silent_from
-- proves: Every full hour or more between two events of an account in which none was recorded is listed.
-- misses: Why: nothing may have happened. Silence at the start and the end of the time looked at is not listed.
-- remediation: Compare with the digest files of the hour, which are written even where nothing happened.

SELECT account, previous + INTERVAL '1' HOUR AS silent_from, hour AS silent_until
FROM (SELECT account, hour, lag(hour) OVER (PARTITION BY account ORDER BY hour) AS previous
      FROM (SELECT DISTINCT recipientaccountid AS account, date_trunc('hour', eventtime) AS hour
            FROM cloudtrail_logs
            WHERE recipientaccountid IS NOT NULL) AS hours) AS steps
WHERE hour > previous + INTERVAL '1' HOUR
ORDER BY account, silent_from;
