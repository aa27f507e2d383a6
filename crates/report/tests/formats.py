"""Checks what `trailql assert`, `report` and `COPY` write against the formats' own schemas and readers.

In a clean folder, as a CI job would: exit codes, JUnit, SARIF 2.1.0 by its JSON schema, CSV and Parquet as Python, pandas,
DuckDB and, where it is installed, LibreOffice read them. Usage: python3 crates/report/tests/formats.py --trailql PATH [--sarif-schema FILE]
"""

import argparse
import csv
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "bench"))
from environment import with_packages

# The schema that Microsoft's matchers for SARIF carry.
SCHEMA_PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
SCHEMA_FILE = "package/lib/schemas/sarif-2.1.0-rtm.5.json"

# After the schema of Jenkins' xUnit plugin, junit-10.xsd: attributes (required ones marked) and children.
JUNIT = {
    "testsuites": ("name time tests failures errors", "testsuite"),
    "testsuite": ("name! tests! failures! errors! time skipped timestamp", "properties testcase system-out"),
    "properties": ("", "property"),
    "property": ("name! value!", ""),
    "testcase": ("name! classname time", "failure error system-out"),
    "failure": ("type message", ""),
    "error": ("type message", ""),
    "system-out": ("", ""),
}

VALUES = ['say "hi"', "two\nlines", "a,b", "=1+1", "+1", "-1", "@x", "012345678901", "Ü – 漢字 🙂", "", " padded ", "NULL"]
VIOLATED = "-- name: violated\n-- title: <b> & \"quotes\"\n-- expect: no rows\n-- key: useragent\n\nSELECT eventid, useragent FROM cloudtrail_logs\n"


def event(number, agent):
    return {
        "eventVersion": "1.08", "eventID": f"e-{number:02}", "eventTime": "2024-03-01T00:00:00Z", "eventName": "A",
        "eventSource": "ec2.amazonaws.com", "awsRegion": "us-east-1", "userAgent": agent, "eventCategory": "Management",
    }


def check_element(element):
    attributes, children = JUNIT[element.tag]
    known = {name.rstrip("!") for name in attributes.split()}
    required = {name.rstrip("!") for name in attributes.split() if name.endswith("!")}
    assert set(element.attrib) <= known, (element.tag, element.attrib)
    assert required <= set(element.attrib), (element.tag, element.attrib)
    if "time" in element.attrib:
        assert re.fullmatch(r"\d{1,3}(,?\d{3})*\.\d{3}", element.attrib["time"]), element.attrib["time"]
    for child in element:
        assert child.tag in children.split(), (element.tag, child.tag)
        check_element(child)


def sarif_schema(folder, path):
    if path is None:
        subprocess.run(["npm", "pack", "--silent", SCHEMA_PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(folder.glob("*.tgz"))) as package:
            return json.load(package.extractfile(SCHEMA_FILE))
    return json.loads(Path(path).read_text())


def check_assertions(trailql, folder, schema):
    import jsonschema

    def run(expected, *arguments):
        outcome = subprocess.run([trailql, "assert", *arguments], cwd=folder, capture_output=True, text=True)
        assert outcome.returncode == expected, (arguments, outcome.returncode, outcome.stdout, outcome.stderr)

    outputs = ["--junit", "out.xml", "--sarif", "out.sarif"]
    for expected, names in [(0, ["held"]), (1, ["held", "violated"]), (2, ["held", "violated", "broken"])]:
        run(expected, *[f"audit/{name}.sql" for name in names], "--raw", "logs", *outputs)
        root = ElementTree.parse(folder / "out.xml").getroot()
        check_element(root)
        assert (root.attrib["failures"], root.attrib["errors"]) == (str(int(expected > 0)), str(int(expected == 2)))
        log = json.loads((folder / "out.sarif").read_text())
        jsonschema.Draft4Validator(schema).validate(log)
        assert len(log["runs"][0]["results"]) == (len(VALUES) if expected else 0)
    run(2, "audit/held.sql", "--lake", "nowhere")
    run(2, "audit/held.sql", "--raw", "logs", "--since", "2030-01-01")
    print("exit codes, JUnit and SARIF are right")


COPY = """COPY (SELECT useragent, eventid, errorcode, eventtime, readonly, count(*) OVER () AS n FROM cloudtrail_raw ORDER BY eventid)
    TO '{name}'"""


def copy(trailql, folder, name):
    """Writes every event's values to a file with COPY."""
    command = [trailql, "sql", "--quiet", "--raw", "logs", "-c", COPY.format(name=name)]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / name


def check_csv(trailql, folder):
    import duckdb
    import pandas

    guarded = [f"'{value}" if value[:1] in ("=", "@") else value for value in VALUES]
    path = copy(trailql, folder, "out.csv")
    with open(path, newline="", encoding="utf-8") as file:
        assert [row["useragent"] for row in csv.DictReader(file)] == guarded
    for name in ("out.csv", "out.csv.gz", "out.csv.zst"):
        path = copy(trailql, folder, name)
        rows = duckdb.sql(f"SELECT useragent, errorcode FROM read_csv('{path}', all_varchar = true, header = true, allow_quoted_nulls = false)").fetchall()
        assert [row[0] for row in rows] == guarded, rows
        assert all(row[1] is None for row in rows)
        if not name.endswith(".zst"):
            frame = pandas.read_csv(path, dtype=str, keep_default_na=False)
            assert list(frame["useragent"]) == guarded
    print("Python, pandas and DuckDB read the CSV alike")
    check_spreadsheet(folder, guarded)


def check_spreadsheet(folder, guarded):
    """LibreOffice, told that all columns are text, shows the same cells; it runs nothing."""
    if shutil.which("soffice") is None:
        print("SKIPPED: LibreOffice is not installed")
        return
    # Tokens: separator, quote, UTF-8, first line, columns as text; out: the same, cells as shown, all quoted.
    columns = "/".join(f"{number}/2" for number in range(1, 7))
    profile = f"-env:UserInstallation=file://{folder}/profile"
    command = ["soffice", profile, "--headless", f"--infilter=CSV:44,34,76,1,{columns}", "--convert-to", "ods", "out.csv"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    with zipfile.ZipFile(folder / "out.ods") as sheet:
        document = ElementTree.fromstring(sheet.read("content.xml"))
    table, text, office = (f"{{urn:oasis:names:tc:opendocument:xmlns:{part}:1.0}}" for part in ("table", "text", "office"))
    shown = []
    for row in document.iter(f"{table}table-row"):
        cell = row.find(f"{table}table-cell")
        if cell is not None and (lines := cell.findall(f"{text}p")):
            assert cell.get(f"{office}value-type") == "string" and cell.get(f"{table}formula") is None, cell.attrib
            shown.append("\n".join(spelt(line, text) for line in lines))
        elif len(shown) <= len(guarded):
            shown.append("")
    assert shown[:len(guarded) + 1] == ["useragent", *guarded], shown
    print("LibreOffice reads the CSV alike")


def spelt(element, text):
    """The text of a paragraph, with the blanks that OpenDocument writes as elements."""
    out = element.text or ""
    for child in element:
        out += " " * int(child.get(f"{text}c", "1")) if child.tag == f"{text}s" else spelt(child, text)
        out += child.tail or ""
    return out


def check_parquet(trailql, folder):
    import duckdb
    import pandas

    path = copy(trailql, folder, "out.parquet")
    assert list(pandas.read_parquet(path)["useragent"]) == VALUES
    rows = duckdb.sql(f"SELECT useragent, errorcode FROM '{path}' ORDER BY eventid").fetchall()
    assert rows == [(value, None) for value in VALUES], rows
    types = [row[1] for row in duckdb.sql(f"DESCRIBE SELECT * FROM '{path}'").fetchall()]
    assert types == ["VARCHAR", "VARCHAR", "VARCHAR", "TIMESTAMP WITH TIME ZONE", "BOOLEAN", "BIGINT"], types
    print("pandas and DuckDB read the Parquet file alike")


def main():
    with_packages("duckdb", "jsonschema", "pandas", "pyarrow")
    parser = argparse.ArgumentParser()
    parser.add_argument("--trailql", required=True)
    parser.add_argument("--sarif-schema")
    arguments = parser.parse_args()
    trailql = str(Path(arguments.trailql).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "logs").mkdir()
        (folder / "audit").mkdir()
        records = [event(number, agent) for number, agent in enumerate(VALUES)]
        (folder / "logs/log.json").write_text(json.dumps({"Records": records}))
        (folder / "audit/held.sql").write_text("SELECT eventid FROM cloudtrail_logs WHERE eventname = 'Never'\n")
        (folder / "audit/violated.sql").write_text(VIOLATED)
        (folder / "audit/broken.sql").write_text("SELECT nonsense FROM cloudtrail_logs\n")
        check_assertions(trailql, folder, sarif_schema(folder, arguments.sarif_schema))
        check_csv(trailql, folder)
        check_parquet(trailql, folder)


if __name__ == "__main__":
    main()
