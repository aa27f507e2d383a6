"""Writes the events of a folder as Athena's table and as CloudTrail Lake's, one JSON object per line.

Usage: tables.py SOURCE OUT, which makes OUT/cloudtrail_logs.jsonl and OUT/lake_events.jsonl.
"""

import gzip
import json
import pathlib
import sys

TEXT = [
    "eventVersion", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "errorCode",
    "errorMessage", "requestID", "eventID", "eventType", "apiVersion", "readOnly", "recipientAccountId",
    "sharedEventID", "vpcEndpointId", "eventCategory", "managementEvent",
]
JSON = ["requestParameters", "responseElements", "additionalEventData", "serviceEventDetails"]


def minified(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def text(value):
    """A scalar as Hive's text columns have it."""
    if value is None or isinstance(value, str):
        return value
    return minified(value)


def texts(value):
    """Lower-cases the names of a struct, whose leaves are text."""
    if isinstance(value, dict):
        return {name.lower(): texts(member) for name, member in value.items()}
    return text(value)


def events(source):
    seen = set()
    for path in sorted(pathlib.Path(source).rglob("*.json*")):
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        for record in json.loads(data)["Records"]:
            if record["eventID"] not in seen:
                seen.add(record["eventID"])
                yield record


def partitions(record):
    day = record["eventTime"][:10]
    return {
        "region": record["awsRegion"],
        "year": day[:4],
        "month": day[5:7],
        "day": day[8:],
        "timestamp": day.replace("-", "/"),
        "account": record.get("recipientAccountId"),
    }


def athena(record):
    row = {name.lower(): text(record.get(name)) for name in TEXT}
    row |= {name.lower(): None if record.get(name) is None else minified(record[name]) for name in JSON}
    row["useridentity"] = texts(record.get("userIdentity"))
    row["resources"] = [
        {"arn": r.get("ARN"), "accountid": r.get("accountId"), "type": r.get("type")} for r in record["resources"]
    ] if record.get("resources") is not None else None
    return row | partitions(record)


def lake(record):
    row = athena(record)
    row["eventtime"] = record["eventTime"].replace("T", " ").rstrip("Z")
    for name in JSON:
        value = record.get(name)
        row[name.lower()] = None if value is None else {key: text(member) for key, member in value.items()}
    return row


def main(source, out):
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    records = list(events(source))
    for name, make in [("cloudtrail_logs", athena), ("lake_events", lake)]:
        with open(out / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for record in records:
                file.write(minified(make(record)) + "\n")
    print(f"{len(records)} events", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
