-- name: source_networks
-- title: Calls by source network
-- description: One row per day and network: /16 of IPv4, /48 of IPv6, AWS services together. No addresses of single
--   machines, and no guess at countries.
-- severity: info
-- tags: dashboard
-- columns: day date, account text, network text, calls bigint, errors bigint, principals bigint
-- chart: bar network calls

SELECT day, account, network, count(*) AS calls, count(errorcode) AS errors, count(DISTINCT principal) AS principals
FROM (SELECT CAST(date_trunc('day', eventtime) AS date) AS day, recipientaccountid AS account, errorcode,
             useridentity.arn AS principal,
             CASE WHEN sourceipaddress LIKE '%.amazonaws.com' OR sourceipaddress LIKE 'AWS Internal%' THEN 'AWS'
                  WHEN sourceipaddress LIKE '%:%'
                    THEN concat(split_part(sourceipaddress, ':', 1), ':', split_part(sourceipaddress, ':', 2), ':',
                                split_part(sourceipaddress, ':', 3), '::/48')
                  WHEN regexp_like(sourceipaddress, '^[0-9]+([.][0-9]+){3}$')
                    THEN concat(split_part(sourceipaddress, '.', 1), '.', split_part(sourceipaddress, '.', 2), '.0.0/16')
                  ELSE 'other' END AS network
      FROM cloudtrail_logs
      WHERE sourceipaddress IS NOT NULL) AS calls
GROUP BY day, account, network
ORDER BY day, account, network;
