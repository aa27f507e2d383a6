#!/usr/bin/env python3
"""Time trailql on buckets behind a line of 20 ms: ingest, ingest again, and a needle in a year.

S3 is a MinIO server on this machine (TRAILQL_MINIO names the program), which takes its share of the cores; every request to
it takes 20 ms longer (bench/slow_line.rs). The local figures are of the same files in a folder, in turn; medians count.

  bench/s3.py --events 1000000 --write
"""
import argparse, json, os, pathlib, shutil, statistics, subprocess, sys, time

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(BENCH))
from at_size import make_logs
from buckets import Client, environment, minio, slow_line, upload
from run import MIB, NEEDLE, Finished, machine, machine_line, make_bucket, note, plant_needle, verdict, write_document

LATENCY_MILLIS = 20
NEEDLES = {
    "one access key": f"SELECT eventname, eventtime FROM cloudtrail_logs WHERE useridentity.accesskeyid = '{NEEDLE['ACCESS_KEY']}'",
    "one event ID": f"SELECT eventname, eventtime FROM cloudtrail_logs WHERE eventid = '{NEEDLE['EVENT_ID']}'",
    "one address": f"SELECT eventname, eventtime FROM cloudtrail_logs WHERE sourceipaddress = '{NEEDLE['ADDRESS']}'",
}


def log_files(folder):
    """The log files of a made bucket as (key, path)."""
    return [(str(path.relative_to(folder)), path) for path in sorted(folder.rglob("*.json.gz"))]


def serve(server, bucket, files):
    """Puts log files into a new bucket."""
    Client(server.port).make_bucket(bucket)
    upload(server, bucket, files)


def time_ingest(trailql, server, options, work):
    """Seconds of ingest into a local lake, from the bucket and from the folder in turn."""
    folder, manifest = make_bucket(options, work)
    serve(server, "trail", log_files(folder.parent))
    runs = {"s3": [], "local": []}
    for _ in range(options.rounds):
        for way, source in (("local", folder), ("s3", "s3://trail/AWSLogs/")):
            lake = work / f"lake-{way}"
            shutil.rmtree(lake, ignore_errors=True)
            os.sync()
            run = Finished([trailql, "--lake", lake, "ingest", "--quiet", "--json", source])
            if json.loads(run.out)["kept"] != manifest["events"]:
                sys.exit(f"{source}: not all events were kept: {run.out}")
            runs[way].append(run)
    return {"manifest": manifest, "seconds": {way: statistics.median(run.seconds for run in runs[way]) for way in runs},
            "peak": {way: max(run.peak_bytes for run in runs[way]) for way in runs}}


def time_again(trailql, server, line, options, work):
    """Seconds of an ingest that finds nothing new in a bucket of many objects, beside the listing alone."""
    files, _, _ = make_logs(argparse.Namespace(events=options.many_events, per_file=48), work)
    serve(server, "many", files)
    lake = work / "lake-many"
    shutil.rmtree(lake, ignore_errors=True)
    Finished([trailql, "--lake", lake, "ingest", "--quiet", "s3://many/AWSLogs/"])
    listing, again = [], []
    for _ in range(options.rounds):
        start = time.perf_counter()
        objects = sum(1 for _ in Client(line.port).objects("many", "AWSLogs/"))
        listing.append(time.perf_counter() - start)
        run = Finished([trailql, "--lake", lake, "ingest", "--quiet", "--json", "s3://many/AWSLogs/"])
        account = json.loads(run.out)
        if (account["files"]["known"], account["read"]) != (objects, 0):
            sys.exit(f"the second ingest read something: {run.out}")
        again.append(run.seconds)
    return {"objects": objects, "listing": statistics.median(listing), "again": statistics.median(again)}


def ask_needles(trailql, server, options, work):
    """Requests, bytes and seconds of needle queries over a year of days, in a lake in the bucket, merged."""
    folder = work / f"year-{options.events}"
    if not (folder / "manifest.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, BENCH / "gen_trail.py", "--out", folder, "--events", options.events, "--days", 365, "--start", "2023-06-01"]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        plant_needle(folder, json.loads((folder / "manifest.json").read_text())["accounts"][0])
    Client(server.port).make_bucket("lake")
    lake = "s3://lake/year"
    Finished([trailql, "--lake", lake, "ingest", "--quiet", folder / "AWSLogs"])
    Finished([trailql, "--lake", lake, "lake", "optimize", "--quiet"])
    Finished([trailql, "--lake", lake, "lake", "vacuum", "--older-than", "0d", "--quiet"])
    data = [size for key, size in Client(server.port).objects("lake", "year/region") if key.endswith(".parquet")]
    asked = {}
    for name, sql in NEEDLES.items():
        run = Finished([trailql, "--lake", lake, "sql", "--json", "--format", "csv", "-c", sql])
        told = json.loads(run.err)
        asked[name] = {"rows": told["rows"], "requests": told["requests"], "bytes": told["bytes_read"], "seconds": run.seconds}
    return {"files": len(data), "bytes": sum(data), "asked": asked}


def figures(r):
    """The figures as Markdown."""
    ingest, again, needles = r["ingest"], r["again"], r["needles"]
    share = ingest["seconds"]["local"] / ingest["seconds"]["s3"]
    extra = again["again"] - again["listing"]
    lines = [machine_line(r["machine"]), "",
             f"Every request to the bucket takes {LATENCY_MILLIS} ms longer than on loopback; medians of {r['rounds']} rounds.", "",
             "| work | from S3 | local | | target | |", "| --- | --- | --- | --- | --- | --- |",
             f"| ingest of {ingest['manifest']['events']:,} events in {ingest['manifest']['files']:,} objects | {ingest['seconds']['s3']:.2f} s | {ingest['seconds']['local']:.2f} s | {share:.0%} of the local rate | ≥ 80 % | {verdict(share >= 0.8)} |",
             f"| peak memory of it | {ingest['peak']['s3'] / MIB:,.0f} MiB | {ingest['peak']['local'] / MIB:,.0f} MiB | | | |",
             f"| ingest again, {again['objects']:,} known objects | {again['again']:.2f} s | | listing alone {again['listing']:.2f} s | listing + 1 s | {verdict(extra <= 1)} |"]
    for name, asked in needles["asked"].items():
        part = asked["bytes"] / needles["bytes"]
        is_good = asked["requests"] <= 50 and part <= 0.05
        lines.append(f"| {name} in a year: {needles['files']:,} files, {needles['bytes'] / MIB:,.0f} MiB | {asked['requests']} requests, {asked['seconds']:.2f} s | | {part:.1%} of the bytes | ≤ 50 requests, ≤ 5 % | {verdict(is_good)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=10, help="days of the bucket that is ingested")
    parser.add_argument("--many-events", type=int, default=1_000_000, help="events of the bucket with many objects, 48 in each at most")
    parser.add_argument("--rounds", type=int, default=3, help="times that the ways take turns")
    parser.add_argument("--trailql", default=ROOT / "target" / "release" / "trailql", help="the binary to time")
    parser.add_argument("--work", help="folder for buckets and lakes (default: target/bench)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/BENCHMARKS.md")
    options = parser.parse_args()
    work = pathlib.Path(options.work or ROOT / "target" / "bench")
    work.mkdir(parents=True, exist_ok=True)
    trailql = pathlib.Path(options.trailql).resolve()
    server = minio(work / "s3-minio")
    line = slow_line(server, LATENCY_MILLIS, work)
    os.environ.update(environment(line))
    result = {"machine": machine(trailql), "rounds": options.rounds}
    result["ingest"] = time_ingest(trailql, server, options, work)
    note(str(result["ingest"]))
    result["again"] = time_again(trailql, server, line, options, work)
    note(str(result["again"]))
    result["needles"] = ask_needles(trailql, server, options, work)
    (work / "s3.json").write_text(json.dumps(result, indent=1))
    text = figures(result)
    print(text)
    if options.write:
        write_document(text, "s3")


if __name__ == "__main__":
    main()
