"""Asks a Trino server the queries under queries/ and records its answers under answers/.

The server is one node with the hive connector over a file metastore. Its tables are Parquet: the events that tables.py
wrote as lines of JSON, read by Trino's own JSON SerDe and written by its own writer, in Athena's types and in CloudTrail
Lake's.

Usage: answers.py SERVER TABLES; SERVER is an unpacked trino-server, TABLES the folder of tables.py. JAVA_HOME names a
Java that the server runs on. --queries and --answers name other folders.
"""

import argparse
import contextlib
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
PORT = 18999
STARTED_WITHIN_SECONDS = 180

TEXTS = [
    "eventversion", "eventsource", "eventname", "awsregion", "sourceipaddress", "useragent", "errorcode",
    "errormessage", "requestid", "eventid", "eventtype", "apiversion", "recipientaccountid", "sharedeventid",
    "vpcendpointid", "eventcategory",
]
JSON = ["requestparameters", "responseelements", "additionaleventdata", "serviceeventdetails"]
PARTITIONS = ["region", "account", "year", "month", "day", "timestamp"]
ISSUER = "ROW(type varchar, principalid varchar, arn varchar, accountid varchar, username varchar)"
SESSION = f"ROW(attributes ROW(mfaauthenticated varchar, creationdate varchar), sessionissuer {ISSUER})"
STRUCTS = {
    "useridentity": "ROW(type varchar, principalid varchar, arn varchar, accountid varchar, invokedby varchar, "
    f"accesskeyid varchar, username varchar, sessioncontext {SESSION})",
    "resources": "ARRAY(ROW(arn varchar, accountid varchar, type varchar))",
}
ATHENA = dict.fromkeys([*TEXTS, "eventtime", "readonly", "managementevent", *JSON], "varchar") | STRUCTS
LAKE = (
    dict.fromkeys(TEXTS, "varchar")
    | {"eventtime": "timestamp(3)", "readonly": "boolean", "managementevent": "boolean"}
    | dict.fromkeys(JSON, "MAP(varchar, varchar)")
    | STRUCTS
)


def configure(server, data):
    """Writes the settings of one node whose only catalog is hive, with its metastore and tables below `data`."""
    plugins = data / "plugin"
    plugins.mkdir()
    (plugins / "hive").symlink_to((server / "plugin/hive").resolve())
    (data / "catalog").mkdir()
    settings = {
        "config.properties": [
            "coordinator=true", "node-scheduler.include-coordinator=true", f"http-server.http.port={PORT}",
            f"discovery.uri=http://127.0.0.1:{PORT}", f"plugin.dir={plugins}", f"catalog.config-dir={data}/catalog",
        ],
        "node.properties": ["node.environment=answers", f"node.data-dir={data}/var"],
        "jvm.config": ["-server", "-Xmx2G", "-Djdk.attach.allowAttachSelf=true", "-Duser.timezone=UTC",
                       "--add-modules=jdk.incubator.vector"],
        "catalog/hive.properties": [
            "connector.name=hive", "hive.metastore=file", "hive.metastore.catalog.dir=local:///metastore",
            "fs.native-local.enabled=true", f"local.location={data}", "hive.non-managed-table-writes-enabled=true",
            "hive.storage-format=PARQUET",
        ],
    }
    for name, lines in settings.items():
        (data / name).write_text("\n".join(lines) + "\n")


@contextlib.contextmanager
def running(server, data):
    configure(server, data)
    command = [server / "bin/launcher", "run", f"--etc-dir={data}"]
    log = open(data / "log", "wb")
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=server)
    try:
        deadline = time.monotonic() + STARTED_WITHIN_SECONDS
        while not is_started():
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the server did not start:\n{(data / 'log').read_text()[-4000:]}")
            time.sleep(1)
        yield
    finally:
        process.terminate()
        process.wait()


def is_started():
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/v1/info", timeout=5) as answer:
            return not json.load(answer)["starting"]
    except OSError:
        return False


def ask(sql):
    """Types and rows of an answer, or its error (https://trino.io/docs/current/develop/client-protocol.html)."""
    headers = {
        "X-Trino-User": "answers", "X-Trino-Catalog": "hive", "X-Trino-Schema": "events",
        "X-Trino-Time-Zone": "UTC", "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
    }
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}/v1/statement", sql.encode(), headers)
    types, rows = [], []
    while True:
        with urllib.request.urlopen(request) as response:
            page = json.load(response)
        if "error" in page:
            return {"sql": sql, "error": page["error"]["message"]}
        types = [column["type"] for column in page.get("columns", [])] or types
        rows += page.get("data", [])
        if "nextUri" not in page:
            return {"sql": sql, "types": types, "rows": rows}
        request = page["nextUri"]


def execute(sql):
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    # A node that is up has yet to announce its catalogs to itself.
    while (answer := ask(sql)).get("error") == "No nodes available to run query" and time.monotonic() < deadline:
        time.sleep(1)
    if "error" in answer:
        sys.exit(f"{sql}\n{answer['error']}")


def load(name, columns, data, tables):
    """Makes the Parquet table `name` of the lines that tables.py wrote."""
    folder = data / "lines" / name
    folder.mkdir(parents=True)
    shutil.copy(tables / f"{name}.jsonl", folder / "events.json")
    listed = ", ".join(f'"{column}" {type}' for column, type in (columns | dict.fromkeys(PARTITIONS, "varchar")).items())
    execute(f"CREATE TABLE {name}_lines ({listed}) WITH (format = 'JSON', external_location = 'local:///lines/{name}')")
    partitions = ", ".join(f"'{name}'" for name in PARTITIONS)
    execute(f"CREATE TABLE {name} WITH (format = 'PARQUET', partitioned_by = ARRAY[{partitions}]) AS SELECT * FROM {name}_lines")


def queries(file):
    for sql in re.split(r";\s*\n", file.read_text(encoding="utf-8")):
        bare = re.sub(r"(?m)^--.*\n", "", sql).strip()
        if bare:
            yield bare


def record(file, folder):
    answers = [ask(sql) for sql in queries(file)]
    with open(folder / f"{file.stem}.jsonl", "w", encoding="utf-8") as out:
        for answer in answers:
            out.write(json.dumps(answer, separators=(",", ":"), ensure_ascii=False) + "\n")
    errors = sum("error" in answer for answer in answers)
    print(f"{file.stem}: {len(answers)} queries, {errors} of them errors", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server", type=pathlib.Path)
    parser.add_argument("tables", type=pathlib.Path)
    parser.add_argument("--queries", type=pathlib.Path, default=HERE / "queries")
    parser.add_argument("--answers", type=pathlib.Path, default=HERE / "answers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder)
        with running(options.server.resolve(), data):
            execute("CREATE SCHEMA hive.events")
            load("cloudtrail_logs", ATHENA, data, options.tables)
            load("lake_events", LAKE, data, options.tables)
            for file in sorted(options.queries.glob("*.sql")):
                record(file, options.answers)


if __name__ == "__main__":
    main()
