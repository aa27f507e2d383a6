#!/usr/bin/env python3
"""Time `trailql lake optimize` against DuckDB copying the same small files into one per partition.

Makes a bucket, ingests it so that the lake has about --files small files, and lets both engines merge copies of it, in
turn, as processes of their own; medians count. DuckDB does less: it does not sort, writes no page index and no bloom
filters on request, and commits nothing. The events of both results are compared.

  bench/optimize.py --events 1000000 --files 1000
"""
import argparse, json, os, pathlib, shutil, statistics, subprocess, sys

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(BENCH))
from environment import with_packages
from run import MIB, Finished, machine, machine_line, note, verdict, write_document

MEMORY_BYTES = 1024 * MIB


def small_files(trailql, options, work):
    """A lake with about the asked number of data files: a bucket of many log files, ingested part by part."""
    lake = work / f"small-files-{options.events}-{options.files}"
    if lake.exists():
        return lake
    bucket, probe = work / "small-bucket", work / "probe"
    for folder in (bucket, probe):
        shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, BENCH / "gen_trail.py", "--out", bucket, "--events", options.events, "--days", options.days,
               "--per-file", max(1, options.events // options.files // 2)]
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    Finished([trailql, "--lake", probe, "ingest", "--quiet", bucket / "AWSLogs"])
    parts = max(1, round(options.files / len({path.parent for path in data_files(probe)})))
    # Each part gets files of every region and day.
    dealt = [[] for _ in range(parts)]
    for number, file in enumerate(sorted((bucket / "AWSLogs").rglob("*.json.gz"))):
        dealt[number % parts].append(file)
    for part in dealt:
        Finished([trailql, "--lake", lake, "ingest", "--quiet", *part])
    return lake


def data_files(lake):
    """The Parquet files with events."""
    return list(lake.glob("region=*/*/*.parquet"))


def time_merges(trailql, lake, work, rounds):
    """Both engines in turn, each on a new copy; the last results stay."""
    ours, theirs = work / "optimized", work / "copied"
    runs = {"trailql": [], "duckdb": []}
    for _ in range(rounds):
        for folder in (ours, theirs):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(lake, ours)
        os.sync()
        runs["duckdb"].append(Finished([sys.executable, BENCH / "duck.py", "compact", lake, theirs]))
        os.sync()
        runs["trailql"].append(Finished([trailql, "--lake", ours, "lake", "optimize", "--json", "--quiet"]))
    return ours, theirs, runs


def events(files):
    """Number of events and a fingerprint of their IDs, whatever their order."""
    import duckdb
    query = "SELECT count(*), sum(hash(eventid, eventname, requestparameters)::HUGEINT)::VARCHAR FROM read_parquet(?)"
    return duckdb.execute(query, [[str(file) for file in files]]).fetchone()


def measure(options):
    """Everything, in order; returns the figures."""
    work = pathlib.Path(options.work or ROOT / "target" / "bench")
    work.mkdir(parents=True, exist_ok=True)
    trailql = pathlib.Path(options.trailql)
    where = machine(trailql)
    lake = small_files(trailql, options, work)
    before = data_files(lake)
    note(f"lake: {len(before):,} files, {sum(f.stat().st_size for f in before) / MIB:.0f} MiB")
    ours, theirs, runs = time_merges(trailql, lake, work, options.rounds)
    summary = json.loads(runs["trailql"][-1].out)
    Finished([trailql, "--lake", ours, "lake", "vacuum", "--older-than", "0d", "--quiet"])
    merged, copied = data_files(ours), list(theirs.rglob("*.parquet"))
    return {
        "machine": where, "events": events(before)[0], "files": len(before), "bytes": sum(f.stat().st_size for f in before),
        "summary": summary, "rounds": options.rounds,
        "seconds": {who: [r.seconds for r in rs] for who, rs in runs.items()},
        "peak_bytes": {who: max(r.peak_bytes for r in rs) for who, rs in runs.items()},
        "result": {who: {"files": len(files), "bytes": sum(f.stat().st_size for f in files)}
                   for who, files in (("trailql", merged), ("duckdb", copied))},
        "same": events(before) == events(merged) == events(copied)}


def figures(r):
    """The figures as Markdown."""
    ours, theirs = (statistics.median(r["seconds"][who]) for who in ("trailql", "duckdb"))
    peak = r["peak_bytes"]
    lines = [
        machine_line(r["machine"]), "",
        f"{r['events']:,} events in {r['files']:,} files, {r['bytes'] / MIB:.0f} MiB; medians of {r['rounds']} rounds.", "",
        "| compaction | trailql | DuckDB | ratio | target | |", "| --- | --- | --- | --- | --- | --- |",
        f"| time | {ours:.2f} s | {theirs:.2f} s | {theirs / ours:.1f} × faster | ≥ 1 × | {verdict(theirs >= ours)} |",
        f"| peak memory | {peak['trailql'] / MIB:,.0f} MiB | {peak['duckdb'] / MIB:,.0f} MiB | | ≤ 1,024 MiB | {verdict(peak['trailql'] <= MEMORY_BYTES)} |",
        *(f"| {what} | {r['result']['trailql'][key] / unit:,.0f}{suffix} | {r['result']['duckdb'][key] / unit:,.0f}{suffix} | | | |"
          for what, key, unit, suffix in (("files", "files", 1, ""), ("size", "bytes", MIB, " MiB"))),
        "", "Both results hold the events of the small files." if r["same"] else "**The results hold other events** than the small files."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--files", type=int, default=1000, help="small files to merge, about")
    parser.add_argument("--rounds", type=int, default=3, help="times that the engines take turns")
    parser.add_argument("--trailql", default=ROOT / "target" / "release" / "trailql", help="the binary to time")
    parser.add_argument("--work", help="folder for bucket and lakes (default: target/bench)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/BENCHMARKS.md")
    options = parser.parse_args()
    with_packages("duckdb")
    result = measure(options)
    text = figures(result)
    print(text)
    if options.write:
        write_document(text, "compaction")
    sys.exit(0 if result["same"] else 1)


if __name__ == "__main__":
    main()
