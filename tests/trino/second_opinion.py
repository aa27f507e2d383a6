"""Asks DuckDB the queries under queries/, translated by sqlglot, and compares with Trino's recorded answers.

A second opinion on the recorded answers that needs no Java. Where DuckDB answers differently, second_opinion.tsv says
why: a difference that it does not explain fails, and so does an explanation of what is alike by now. Queries that
sqlglot cannot translate, or whose translation DuckDB refuses, are counted.

Usage: second_opinion.py [--verbose]; needs the versions of duckdb and sqlglot that second_opinion.txt names.
"""

import datetime
import decimal
import json
import pathlib
import sys
import tempfile

import duckdb
import sqlglot

import tables

HERE = pathlib.Path(__file__).parent
EXPLAINED = HERE / "second_opinion.tsv"
SOURCE = HERE.parent.parent / "testdata/real/invictus-ir__aws_dataset"

ISSUER = "STRUCT(type VARCHAR, principalid VARCHAR, arn VARCHAR, accountid VARCHAR, username VARCHAR)"
SESSION = f"STRUCT(attributes STRUCT(mfaauthenticated VARCHAR, creationdate VARCHAR), sessionissuer {ISSUER})"
IDENTITY = (
    "STRUCT(type VARCHAR, principalid VARCHAR, arn VARCHAR, accountid VARCHAR, invokedby VARCHAR, accesskeyid VARCHAR, "
    f"username VARCHAR, sessioncontext {SESSION})"
)


def plain(value):
    """Values as the recorded answers have them, times and numbers by value."""
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat(" ").removesuffix("+00:00").removesuffix(" 00:00:00")
    if isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool):
        return round(float(value), 6)
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    if isinstance(value, str):
        return value.removesuffix(" UTC").removesuffix(".000").removesuffix(" 00:00:00")
    return value


def alike(wanted, found):
    """Compares values; a row is a list in the recorded answers, and has names in DuckDB's."""
    if isinstance(wanted, list) and isinstance(found, dict):
        found = list(found.values())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(alike, wanted, found))
    return wanted == found


def main():
    explained = dict(line.split("\t") for line in EXPLAINED.read_text(encoding="utf-8").splitlines())
    verbose = "--verbose" in sys.argv
    folder = tempfile.mkdtemp()
    tables.main(str(SOURCE), folder)
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'; SET default_null_order = 'nulls_last'")
    texts = [name.lower() for name in tables.TEXT] + ["region", "year", "month", "day", "timestamp", "account"]
    for name, json_type, typed in (
        ("cloudtrail_logs", "VARCHAR", {}),
        ("lake_events", "MAP(VARCHAR, VARCHAR)", {"eventtime": "TIMESTAMP", "readonly": "BOOLEAN", "managementevent": "BOOLEAN"}),
    ):
        columns = dict.fromkeys(texts, "VARCHAR") | dict.fromkeys([name.lower() for name in tables.JSON], json_type)
        columns |= {"useridentity": IDENTITY, "resources": "STRUCT(arn VARCHAR, accountid VARCHAR, type VARCHAR)[]"} | typed
        database.execute(f"CREATE TABLE {name} AS SELECT * FROM read_json('{folder}/{name}.jsonl', columns = {columns})")
    same, different, untranslated, problems = 0, 0, 0, 0
    for file in sorted((HERE / "answers").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            recorded = json.loads(line)
            if "rows" not in recorded:
                continue
            try:
                sql = sqlglot.transpile(recorded["sql"], read="trino", write="duckdb")[0]
                rows = plain(database.execute(sql).fetchall())
            except Exception as error:
                untranslated += 1
                if verbose:
                    print(f"untranslated: {recorded['sql']}\n  {str(error).splitlines()[0]}")
                continue
            wanted = plain(recorded["rows"])
            if "order by" not in recorded["sql"].lower():
                rows, wanted = sorted(rows, key=str), sorted(wanted, key=str)
            is_alike, is_explained = alike(wanted, rows), recorded["sql"] in explained
            same, different = same + is_alike, different + (not is_alike)
            if is_alike == is_explained:
                problems += 1
                what = "alike, but explained as different" if is_alike else "different"
                print(f"{what}: {recorded['sql']}\n  Trino:  {wanted}\n  DuckDB: {rows}")
    print(f"{same} alike, {different} different, {untranslated} not translated")
    if problems:
        sys.exit(f"{problems} to explain in {EXPLAINED.name}, or to take out of it")


if __name__ == "__main__":
    main()
