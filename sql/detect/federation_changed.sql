-- name: federation_changed
-- title: Identity provider changed
-- description: A SAML or OIDC provider was created, changed or deleted: whoever controls it can become anyone.
-- severity: critical
-- tags: mitre:T1484.002
-- columns: eventid text, eventtime timestamp, account text, region text, principal text, address text, eventname text,
--   errorcode text, requestparameters text
-- expect: no rows
-- key: eventid
-- chart: count eventtime
-- remediation: Compare the provider with the one that your directory publishes.

SELECT eventid, eventtime, recipientaccountid AS account, awsregion AS region, useridentity.arn AS principal,
       sourceipaddress AS address, eventname, errorcode, requestparameters
FROM cloudtrail_logs
WHERE eventname IN ('CreateSAMLProvider', 'UpdateSAMLProvider', 'DeleteSAMLProvider', 'CreateOpenIDConnectProvider',
                    'UpdateOpenIDConnectProviderThumbprint', 'DeleteOpenIDConnectProvider')
  AND errorcode IS NULL
ORDER BY eventtime, eventid;
