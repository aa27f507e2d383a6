-- name: sign_in_brute_force
-- title: Passwords tried
-- description: Addresses with many failed sign-ins to the console within one hour.
-- severity: high
-- tags: mitre:T1110
-- param: minimum bigint = 5 in 1..1000000 -- Failed sign-ins within an hour that count as an attempt
-- columns: hour timestamp, address text, failures bigint, users bigint
-- expect: no rows
-- key: hour, address
-- chart: line hour failures
-- remediation: Block the address; look for a ConsoleLogin from it that succeeded.

SELECT date_trunc('hour', eventtime) AS hour, sourceipaddress AS address, count(*) AS failures,
       count(DISTINCT useridentity.username) AS users
FROM cloudtrail_logs
WHERE eventname = 'ConsoleLogin' AND errormessage = 'Failed authentication'
GROUP BY date_trunc('hour', eventtime), sourceipaddress
HAVING count(*) >= $minimum
ORDER BY hour, address;
