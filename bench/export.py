#!/usr/bin/env python3
"""Time `COPY (…) TO` against DuckDB's, for CSV and Parquet, over the same lake.

Every event of a made bucket is copied --copies times. Both engines run in turn, as processes of their own, and medians
count. DuckDB does less: its CSV has formulas in it that a spreadsheet would run, and a run that fails leaves half a file.
The rows of both results are compared.

  bench/export.py --events 1000000 --copies 10 --write
"""
import argparse, importlib.metadata, os, pathlib, statistics, sys

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(BENCH))
from environment import with_packages
from run import MIB, Finished, machine, machine_line, make_bucket, note, verdict, write_document

MEMORY_BYTES = 500 * MIB
TEXTS = ["eventid", "eventsource", "eventname", "region", "recipientaccountid", "sourceipaddress", "useragent", "arn",
         "errorcode", "errormessage"]
QUERY = """SELECT copy, eventtime, eventid, eventsource, eventname, region, recipientaccountid, sourceipaddress, useragent,
    useridentity.arn AS arn, errorcode, errormessage, readonly
    FROM cloudtrail_logs CROSS JOIN (VALUES {copies}) AS copies(copy)"""
# Ours first, then DuckDB's; Parquet is compressed with zstd, by each at its own level, which is 1 and 3.
FORMATS = {"csv": ("(FORMAT csv)", "(FORMAT csv, HEADER)"), "parquet": ("(FORMAT parquet)", "(FORMAT parquet, COMPRESSION zstd)")}


def make_lake(trailql, options, work):
    """The lake of the bucket, made once per size."""
    bucket, _ = make_bucket(options, work)
    lake = work / f"export-lake-{options.events}-{options.days}"
    if not lake.exists():
        Finished([trailql, "--lake", lake, "ingest", "--quiet", bucket])
    return lake


def time_copies(trailql, lake, out, query, rounds, format):
    """Both engines in turn; the last results stay."""
    ours, theirs = out / f"ours.{format}", out / f"theirs.{format}"
    runs = {"trailql": [], "duckdb": []}
    # The first round only warms the memory that the files are in.
    for _ in range(1 + rounds):
        mine, other = FORMATS[format]
        # Just ahead of the run, so that each engine gets the memory back that its last file was in.
        theirs.unlink(missing_ok=True)
        os.sync()
        runs["duckdb"].append(Finished([sys.executable, BENCH / "duck.py", "copy", lake, query, f"'{theirs}' {other}"]))
        ours.unlink(missing_ok=True)
        os.sync()
        runs["trailql"].append(Finished([trailql, "--lake", lake, "sql", "--quiet", "-c", f"COPY ({query}) TO '{ours}' {mine}"]))
    return ours, theirs, {who: counted[1:] for who, counted in runs.items()}


def rows(path):
    """Number of rows and a fingerprint of their texts, whatever their order; formulas as they were."""
    import duckdb
    source = f"read_csv('{path}', header = true, all_varchar = true)" if path.suffix == ".csv" else f"'{path}'"
    texts = ", ".join(f"regexp_replace({name}, '^''([=+@-])', '\\1')" for name in TEXTS)
    return duckdb.execute(f"SELECT count(*), sum(hash(copy::INT, {texts})::HUGEINT)::VARCHAR FROM {source}").fetchone()


def measure(options):
    """Everything, in order; returns the figures."""
    work = pathlib.Path(options.work or ROOT / "target" / "bench")
    work.mkdir(parents=True, exist_ok=True)
    trailql = pathlib.Path(options.trailql)
    lake = make_lake(trailql, options, work)
    query = QUERY.format(copies=", ".join(f"({n})" for n in range(1, options.copies + 1)))
    result = {"machine": machine(trailql), "duckdb": importlib.metadata.version("duckdb"), "rounds": options.rounds, "formats": {}}
    for format in FORMATS:
        ours, theirs, runs = time_copies(trailql, lake, pathlib.Path(options.out or work), query, options.rounds, format)
        counted = rows(ours)
        result["formats"][format] = {
            "seconds": {who: statistics.median(r.seconds for r in rs) for who, rs in runs.items()},
            "peak_bytes": {who: max(r.peak_bytes for r in rs) for who, rs in runs.items()},
            "bytes": {"trailql": ours.stat().st_size, "duckdb": theirs.stat().st_size},
            "rows": counted[0], "same": counted == rows(theirs)}
        note(f"{format} done")
        for path in (ours, theirs):
            path.unlink()
    return result


def figures(r):
    """The figures as Markdown."""
    formats = r["formats"]
    lines = [
        machine_line(r["machine"]) + f" DuckDB {r['duckdb']}.",
        f"{formats['csv']['rows']:,} rows of 13 columns; medians of {r['rounds']} rounds, the engines in turn.", "",
        "| export | trailql | DuckDB | ratio | target | |", "| --- | --- | --- | --- | --- | --- |"]
    for format, f in formats.items():
        ours, theirs = f["seconds"]["trailql"], f["seconds"]["duckdb"]
        lines.append(f"| {format}, {f['bytes']['trailql'] / MIB:,.0f} MiB (DuckDB {f['bytes']['duckdb'] / MIB:,.0f}) | {ours:.1f} s | "
                     f"{theirs:.1f} s | {theirs / ours:.2f} × as fast | ≥ 1 × | {verdict(theirs >= ours)} |")
    for format, f in formats.items():
        peak = f["peak_bytes"]
        lines.append(f"| {format}, peak memory | {peak['trailql'] / MIB:,.0f} MiB | {peak['duckdb'] / MIB:,.0f} MiB | | ≤ 500 MiB | {verdict(peak['trailql'] <= MEMORY_BYTES)} |")
    same = all(f["same"] for f in formats.values())
    return "\n".join([*lines, "", "Both engines wrote the same rows." if same else "**The engines wrote different rows.**"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--copies", type=int, default=10, help="times that every event is exported")
    parser.add_argument("--rounds", type=int, default=3, help="times that the engines take turns")
    parser.add_argument("--trailql", default=ROOT / "target" / "release" / "trailql", help="the binary to time")
    parser.add_argument("--work", help="folder for bucket and lake (default: target/bench)")
    parser.add_argument("--out", help="folder for the results, such as one in memory, where the disk does not count (default: as --work)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/BENCHMARKS.md")
    options = parser.parse_args()
    with_packages("duckdb")
    result = measure(options)
    text = figures(result)
    print(text)
    if options.write:
        write_document(text, "export")
    sys.exit(0 if all(f["same"] for f in result["formats"].values()) else 1)


if __name__ == "__main__":
    main()
