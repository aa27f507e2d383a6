#!/usr/bin/env python3
"""The DuckDB side of the benchmark, as a process of its own.

  duck.py ingest BUCKET OUT            log files to zstd Parquet by region and date
  duck.py compact LAKE OUT             a lake's Parquet files into one per partition
  duck.py copy LAKE QUERY TARGET       a query's rows to a target with its options
  duck.py queries LAKE QUERIES RUNS    the query set over a lake's Parquet files, timed, as JSON on standard output
"""
import json, re, sys, time

import duckdb

# The record as trailql stores it: the same columns and structs; the free-form members as JSON text.
TEXT = {"eventVersion", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent",
        "errorCode", "errorMessage", "requestID", "eventID", "eventType", "apiVersion", "recipientAccountId",
        "sharedEventID", "vpcEndpointId", "vpcEndpointAccountId", "eventCategory", "sessionCredentialFromConsole",
        "annotation"}
RECORD = {name: "VARCHAR" for name in sorted(TEXT)} | {name: "JSON" for name in (
    "requestParameters", "responseElements", "additionalEventData", "serviceEventDetails", "edgeDeviceDetails",
    "eventContext", "insightDetails", "summary", "timeWindow")} | {
    "readOnly": "BOOLEAN", "managementEvent": "BOOLEAN",
    "resources": "STRUCT(ARN VARCHAR, ARNPrefix VARCHAR, accountId VARCHAR, type VARCHAR)[]",
    "addendum": "STRUCT(reason VARCHAR, updatedFields VARCHAR, originalRequestID VARCHAR, originalEventID VARCHAR)",
    "tlsDetails": "STRUCT(tlsVersion VARCHAR, cipherSuite VARCHAR, clientProvidedHostHeader VARCHAR, keyExchange VARCHAR)",
    "userIdentity": """STRUCT(type VARCHAR, principalId VARCHAR, arn VARCHAR, accountId VARCHAR, invokedBy VARCHAR,
        accessKeyId VARCHAR, userName VARCHAR, onBehalfOf STRUCT(userId VARCHAR, identityStoreArn VARCHAR),
        sessionContext STRUCT(attributes STRUCT(mfaAuthenticated VARCHAR, creationDate VARCHAR),
            sessionIssuer STRUCT(type VARCHAR, principalId VARCHAR, arn VARCHAR, accountId VARCHAR, userName VARCHAR),
            ec2RoleDelivery VARCHAR, webIdFederationData STRUCT(federatedProvider VARCHAR, attributes MAP(VARCHAR, VARCHAR)),
            sourceIdentity VARCHAR, ec2IssuedInVpc VARCHAR, assumedRoot VARCHAR, signInSessionArn VARCHAR),
        identityProvider VARCHAR, credentialId VARCHAR, inScopeOf STRUCT(sourceArn VARCHAR, sourceAccount VARCHAR,
            issuerType VARCHAR, credentialsIssuedTo VARCHAR), invokedByDelegate STRUCT(accountId VARCHAR))"""}


def connect():
    """A connection whose times are UTC, as in the lake."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false")
    return connection


def ingest(bucket, out):
    """JSON to Parquet: typed as trailql types it, without its deduplication and its record of unmapped members."""
    record = ", ".join(f'"{name}" {kind}' for name, kind in RECORD.items())
    columns = ", ".join(f'r."{name}"' for name in RECORD if name != "eventTime")
    connect().execute(f"""
        COPY (SELECT {columns}, r."eventTime"::TIMESTAMPTZ AS eventTime, filename AS sourcefile,
                     coalesce(r."awsRegion", 'unknown') AS region, left(r."eventTime", 10) AS date
              FROM (SELECT unnest(Records) AS r, filename
                    FROM read_json('{bucket}/**/*.json.gz', format = 'unstructured', filename = true,
                                   maximum_object_size = 268435456, columns = {{Records: 'STRUCT({record})[]'}})))
        TO '{out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (region, date))""")


def compact(lake, out):
    """Small files into one per partition, in no order."""
    connect().execute(f"""
        COPY (SELECT * FROM read_parquet('{lake}/region=*/*/*.parquet', hive_partitioning = true,
                                         hive_types = {{region: VARCHAR, date: VARCHAR}}))
        TO '{out}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (region, date))""")


def copy(lake, query, target):
    """The rows of a query over a lake to `'file' (options)`."""
    connection = connect()
    open_lake(connection, lake)
    connection.execute(f"COPY ({query}) TO {target}")


def open_lake(connection, lake):
    """The lake's Parquet files as the table that the queries name."""
    connection.execute(f"""CREATE VIEW cloudtrail_logs AS SELECT * FROM read_parquet('{lake}/region=*/*/*.parquet',
        hive_partitioning = true, hive_types = {{region: VARCHAR, date: DATE}})""")


def queries(lake, path, runs):
    """Every query `runs` times after one warm-up; seconds and rows per query."""
    connection = connect()
    open_lake(connection, lake)
    report = {}
    for name, sql in read_queries(path):
        connection.execute(sql).fetchall()
        seconds = []
        for _ in range(int(runs)):
            start = time.perf_counter()
            rows = connection.execute(sql).fetchall()
            seconds.append(time.perf_counter() - start)
        report[name] = {"seconds": seconds, "rows": [[None if v is None else str(v) for v in row] for row in rows]}
    print(json.dumps(report))


def read_queries(path):
    """Pairs of name and statement from a file in the form of queries.sql."""
    text = open(path, encoding="utf-8").read()
    parts = re.split(r"^-- name: (\S+)\n", text, flags=re.M)[1:]
    return [(name, sql.strip().rstrip(";")) for name, sql in zip(parts[::2], parts[1::2])]


if __name__ == "__main__":
    {"ingest": ingest, "compact": compact, "copy": copy, "queries": queries}[sys.argv[1]](*sys.argv[2:])
