-- name: old_tls
-- title: Calls over old TLS
-- description: Callers that still use TLS before 1.2.
-- severity: low
-- tags: network
-- columns: tlsversion text, principal text, useragent text, eventsource text, calls bigint, last timestamp
-- chart: bar useragent calls

SELECT tlsdetails.tlsversion AS tlsversion, useridentity.arn AS principal, useragent, eventsource, count(*) AS calls,
       max(eventtime) AS last
FROM cloudtrail_logs
WHERE tlsdetails.tlsversion IN ('SSLv3', 'TLSv1', 'TLSv1.0', 'TLSv1.1')
GROUP BY tlsdetails.tlsversion, useridentity.arn, useragent, eventsource
ORDER BY calls DESC, principal, useragent, eventsource;
