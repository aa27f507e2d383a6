"""Asks DuckDB the queries under queries/, translated by sqlglot, and compares with Trino's recorded answers.

A second opinion on the recorded answers that needs no Java: what DuckDB answers alike is counted, what it answers
differently is printed. Translations fail or differ where DuckDB has no such function; nothing here fails for that.

Usage: second_opinion.py [--verbose]; needs duckdb and sqlglot from PyPI.
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


def main():
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
    same, different, untranslated = 0, 0, 0
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
            if rows == wanted:
                same += 1
            else:
                different += 1
                print(f"different: {recorded['sql']}\n  Trino:  {wanted}\n  DuckDB: {rows}")
    print(f"{same} alike, {different} different, {untranslated} not translated")


if __name__ == "__main__":
    main()
