"""Asks DuckDB the queries under queries/, translated by sqlglot, and compares with Trino's recorded answers.

A second opinion on the recorded answers that needs no Java. Where DuckDB answers differently, second_opinion.tsv says
why: a difference that it does not explain fails, and so does an explanation of what is alike by now. Queries that
sqlglot cannot translate, or whose translation DuckDB refuses, have a translation by hand in by_hand.tsv, or their
reason is there, too.

Usage: second_opinion.py; needs the versions of duckdb and sqlglot that second_opinion.txt names.
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
BY_HAND = HERE / "by_hand.tsv"
SOURCE = HERE.parent.parent / "testdata/real/invictus-ir__aws_dataset"

ISSUER = "STRUCT(type VARCHAR, principalid VARCHAR, arn VARCHAR, accountid VARCHAR, username VARCHAR)"
SESSION = f"STRUCT(attributes STRUCT(mfaauthenticated VARCHAR, creationdate VARCHAR), sessionissuer {ISSUER})"
IDENTITY = (
    "STRUCT(type VARCHAR, principalid VARCHAR, arn VARCHAR, accountid VARCHAR, invokedby VARCHAR, accesskeyid VARCHAR, "
    f"username VARCHAR, sessioncontext {SESSION})"
)


# What sqlglot leaves as it is and DuckDB knows by another name.
MACROS = """
CREATE MACRO every(x) AS bool_and(x);
CREATE MACRO map_agg(k, v) AS map(list(k), list(v));
CREATE MACRO arrays_overlap(a, b) AS list_has_any(a, b);
CREATE MACRO array_union(a, b) AS list_distinct(list_concat(a, b));
CREATE MACRO array_except(a, b) AS list_filter(list_distinct(a), lambda x: NOT list_contains(b, x));
CREATE MACRO json_array_get(j, n) AS CASE json_type(j) WHEN 'ARRAY' THEN json_extract_string(j, concat('$[', if(n < 0, '#', ''), n, ']')) END;
CREATE MACRO json_size(j, p) AS CASE json_type(j, p) WHEN 'OBJECT' THEN len(json_keys(j, p)) WHEN 'ARRAY' THEN json_array_length(j, p) WHEN NULL THEN NULL ELSE if(json_exists(j, p), 0, NULL) END;
CREATE MACRO is_json_scalar(j) AS json_type(j) NOT IN ('OBJECT', 'ARRAY');
CREATE MACRO codepoint(x) AS unicode(x);
CREATE MACRO hamming_distance(a, b) AS hamming(a, b);
CREATE MACRO yow(d) AS isoyear(d);
CREATE MACRO year_of_week(d) AS isoyear(d);
CREATE MACRO at_timezone(t, zone) AS timezone(zone, t);
CREATE MACRO url_extract_protocol(u) AS nullif(regexp_extract(u, '^([a-z]+):', 1), '');
CREATE MACRO url_extract_host(u) AS nullif(regexp_extract(u, '^[a-z]+://([^:/?#]+)', 1), '');
CREATE MACRO url_extract_port(u) AS try_cast(regexp_extract(u, '^[a-z]+://[^:/?#]+:([0-9]+)', 1) AS INTEGER);
CREATE MACRO url_extract_path(u) AS regexp_extract(u, '^[a-z]+://[^/?#]+([^?#]*)', 1);
CREATE MACRO url_extract_query(u) AS regexp_extract(u, '[?]([^#]*)', 1);
CREATE MACRO url_extract_fragment(u) AS regexp_extract(u, '#(.*)', 1);
"""


def plain(value):
    """Values as the recorded answers have them, times and numbers by value."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, datetime.datetime):
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


def pairs(file):
    return dict(line.split("\t") for line in file.read_text(encoding="utf-8").splitlines())


def translated(sql, by_hand):
    return by_hand.get(sql) or sqlglot.transpile(sql, read="trino", write="duckdb")[0]


def main():
    explained, by_hand = pairs(EXPLAINED), pairs(BY_HAND)
    folder = tempfile.mkdtemp()
    tables.main(str(SOURCE), folder)
    database = duckdb.connect()
    database.execute("SET TimeZone = 'UTC'; SET default_null_order = 'nulls_last'")
    database.execute(MACROS)
    texts = [name.lower() for name in tables.TEXT] + ["region", "year", "month", "day", "timestamp", "account"]
    for name, json_type, typed in (
        ("cloudtrail_logs", "VARCHAR", {}),
        ("lake_events", "MAP(VARCHAR, VARCHAR)", {"eventtime": "TIMESTAMP", "readonly": "BOOLEAN", "managementevent": "BOOLEAN"}),
    ):
        columns = dict.fromkeys(texts, "VARCHAR") | dict.fromkeys([name.lower() for name in tables.JSON], json_type)
        columns |= {"useridentity": IDENTITY, "resources": "STRUCT(arn VARCHAR, accountid VARCHAR, type VARCHAR)[]"} | typed
        database.execute(f"CREATE TABLE {name} AS SELECT * FROM read_json('{folder}/{name}.jsonl', columns = {columns})")
    same, different, untranslated, problems, asked = 0, 0, 0, 0, set()
    for file in sorted((HERE / "answers").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            recorded = json.loads(line)
            if "rows" not in recorded:
                continue
            asked.add(recorded["sql"])
            try:
                rows = plain(database.execute(translated(recorded["sql"], by_hand)).fetchall())
            except Exception as error:
                untranslated += 1
                if recorded["sql"] not in explained:
                    problems += 1
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
    for sql in (explained.keys() | by_hand.keys()) - asked:
        problems += 1
        print(f"no query that Trino answers: {sql}")
    if problems:
        sys.exit(f"{problems} to explain in {EXPLAINED.name} or to translate in {BY_HAND.name}, or to take out of them")


if __name__ == "__main__":
    main()
