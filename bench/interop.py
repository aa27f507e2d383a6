#!/usr/bin/env python3
"""Open a lake with other readers and check that they find what trailql finds.

Ingests SOURCE (default: testdata/real) into a new lake, then reads it three ways: trailql, Python's `deltalake`
through the Delta log, and DuckDB over the Parquet files that the log names. Every row and every leaf must be equal.

  bench/interop.py [--trailql target/debug/trailql] [SOURCE]
"""
import argparse, hashlib, json, pathlib, subprocess, sys, tempfile

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(BENCH))
from environment import with_packages

PARTS = 4

TEXTS = """eventversion eventsource eventname awsregion sourceipaddress useragent errorcode errormessage requestparameters
    responseelements additionaleventdata requestid eventid eventtype apiversion recipientaccountid serviceeventdetails
    sharedeventid vpcendpointid vpcendpointaccountid eventcategory sessioncredentialfromconsole edgedevicedetails
    insightdetails eventcontext annotation summary timewindow unmapped sourcefile region
    useridentity.type useridentity.principalid useridentity.arn useridentity.accountid useridentity.accesskeyid
    useridentity.username useridentity.invokedby useridentity.sessioncontext.attributes.mfaauthenticated
    useridentity.sessioncontext.sessionissuer.arn addendum.reason tlsdetails.tlsversion""".split()
COLUMNS = TEXTS + ["CAST(readonly AS VARCHAR)", "CAST(managementevent AS VARCHAR)", "CAST(date AS VARCHAR)",
                   "CAST({time} AS VARCHAR)", "resources[1]['arn']"]


def select(table, time):
    """The query in one engine's words for a time in microseconds."""
    columns = ", ".join(f"{c} AS c{i}" for i, c in enumerate(COLUMNS)).replace("{time}", time)
    return f"SELECT {columns} FROM {table}"


def rows_of_trailql(trailql, lake):
    """All rows as trailql answers them."""
    # A subscript beyond the end is an error here, as in Trino.
    sql = select("cloudtrail_logs", "CAST(eventtime AS BIGINT)").replace("resources[1]", "element_at(resources, 1)")
    out = subprocess.run([trailql, "--lake", lake, "sql", "--format", "jsonl", "-c", sql], check=True, capture_output=True).stdout
    return [tuple(json.loads(line).values()) for line in out.splitlines()]


def rows_of_deltalake(lake):
    """All rows through the Delta log, with the engine inside `deltalake`."""
    from deltalake import DeltaTable, QueryBuilder
    table = DeltaTable(lake)
    result = QueryBuilder().register("lake", table).execute(select("lake", "CAST(eventtime AS BIGINT)"))
    batches = result.read_all() if hasattr(result, "read_all") else result
    columns = [batches.column(i).to_pylist() for i in range(len(COLUMNS))]
    return list(zip(*columns)), table.file_uris()


def rows_of_duckdb(files):
    """All rows of the Parquet files that the Delta log names."""
    import duckdb
    source = f"read_parquet({[f.removeprefix('file://') for f in files]}, hive_partitioning = true, hive_types_autocast = false)"
    return duckdb.sql(select(source, "epoch_us(eventtime)")).fetchall()


def fingerprint(rows):
    """Number and hash of a multiset of rows."""
    lines = sorted(json.dumps(row) for row in rows)
    return len(lines), hashlib.sha256("\n".join(lines).encode(errors="surrogatepass")).hexdigest()[:16]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trailql", default=ROOT / "target" / "debug" / "trailql")
    parser.add_argument("source", nargs="?", default=ROOT / "testdata" / "real")
    options = parser.parse_args()
    with_packages("duckdb", "deltalake")
    with tempfile.TemporaryDirectory() as folder:
        lake = str(pathlib.Path(folder) / "lake")
        files = sorted(path for path in pathlib.Path(options.source).rglob("*") if path.is_file())
        # In parts that reach into the same partitions, so that there are small files to merge.
        for part in range(PARTS):
            # Exit code 1 says that some records were rejected, which the bundled files contain on purpose.
            done = subprocess.run([options.trailql, "--lake", lake, "ingest", "--quiet", *files[part::PARTS]])
            if done.returncode not in (0, 1):
                sys.exit(f"ingest failed with exit code {done.returncode}")
        check(options.trailql, lake)
        subprocess.run([options.trailql, "--lake", lake, "lake", "optimize"], check=True)
        check(options.trailql, lake)


def check(trailql, lake):
    """Prints what each reader finds, and ends the program if they disagree."""
    through_log, files = rows_of_deltalake(lake)
    found = {"trailql": fingerprint(rows_of_trailql(trailql, lake)),
             "deltalake": fingerprint(through_log), "duckdb": fingerprint(rows_of_duckdb(files))}
    for reader, (count, digest) in found.items():
        print(f"{reader:10} {count:>9,} rows  {digest}")
    if len(set(found.values())) != 1 or not found["trailql"][0]:
        sys.exit("the readers disagree")
    print(f"every reader finds the same rows in {len(files)} files")


if __name__ == "__main__":
    main()
