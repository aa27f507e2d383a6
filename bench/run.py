#!/usr/bin/env python3
"""Time trailql against DuckDB on a made bucket, and print the ratios beside the targets.

Both engines run as processes of their own, in turn, on the same files; medians count. The figures go to standard
output, to target/bench/results.json, and with --write into docs/BENCHMARKS.md. Needs Python 3.9 on Linux; `duckdb`
is installed into an environment under target/ when it is missing.

  bench/run.py --events 1000000 --write
"""
import argparse, gzip, json, os, pathlib, platform, re, shutil, statistics, subprocess, sys, tempfile, time
import datetime as dt

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(BENCH))
from environment import with_packages

# Planted in the bucket: one caller's three events on one day, which nothing else shares.
NEEDLE = {"EVENT_ID": "0e9f4c1e-5a3b-4d2c-9f10-0000000000a0", "ACCESS_KEY": "ASIANEEDLENEEDLE0001", "ADDRESS": "192.0.2.77"}
MIB = 1024 * 1024


class Finished:
    """What one process did: its output, wall seconds, peak memory and the bytes that it read by system calls."""

    def __init__(self, command, codes=(0,)):
        start = time.perf_counter()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=err)
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            self.seconds = time.perf_counter() - start
            # The counters of a process live until it is waited for.
            counters = pathlib.Path(f"/proc/{child.pid}/io").read_text()
            self.read_bytes = int(re.search(r"rchar: (\d+)", counters)[1])
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            self.peak_bytes = usage.ru_maxrss * 1024
            self.out, self.err = (stream.seek(0) or stream.read().decode(errors="replace") for stream in (out, err))
        if child.returncode not in codes:
            sys.exit(f"{' '.join(map(str, command))}: exit code {child.returncode}\n{self.err}")


def make_bucket(options, work):
    """The bucket of the asked size with the needle in it; made once per size."""
    bucket = work / f"bucket-{options.events}-{options.days}"
    if not (bucket / "manifest.json").exists():
        shutil.rmtree(bucket, ignore_errors=True)
        command = [sys.executable, BENCH / "gen_trail.py", "--out", bucket, "--events", options.events, "--days", options.days]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        manifest = json.loads((bucket / "manifest.json").read_text())
        plant_needle(bucket, manifest["accounts"][0])
    manifest = json.loads((bucket / "manifest.json").read_text())
    files = list(bucket.rglob("*.json.gz"))
    return bucket / "AWSLogs", manifest | {"files": len(files), "gzip_bytes": sum(f.stat().st_size for f in files), "events": manifest["events"] + 3}


def plant_needle(bucket, account):
    """One more log file with the needle's three events."""
    identity = {"type": "IAMUser", "principalId": "AIDANEEDLENEEDLE0001", "arn": f"arn:aws:iam::{account}:user/needle",
                "accountId": account, "accessKeyId": NEEDLE["ACCESS_KEY"], "userName": "needle"}
    records = [{"eventVersion": "1.09", "userIdentity": identity, "eventTime": f"2024-03-04T13:37:0{i}Z",
                "eventSource": "sts.amazonaws.com", "eventName": "GetCallerIdentity", "awsRegion": "us-west-2",
                "sourceIPAddress": NEEDLE["ADDRESS"], "userAgent": "aws-cli/2.15.0", "requestParameters": None,
                "responseElements": None, "eventID": NEEDLE["EVENT_ID"][:-1] + str(i), "eventType": "AwsApiCall",
                "recipientAccountId": account, "eventCategory": "Management"} for i in range(3)]
    folder = bucket / "AWSLogs" / account / "CloudTrail" / "us-west-2" / "2024" / "03" / "04"
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{account}_CloudTrail_us-west-2_20240304T1340Z_NeedleNeedle0001.json.gz"
    (folder / name).write_bytes(gzip.compress(json.dumps({"Records": records}).encode(), mtime=0))


def folder_bytes(folder):
    """Bytes of all files below a folder."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def time_ingest(trailql, bucket, work, rounds):
    """Both engines in turn, each time into a new folder; the last lake stays."""
    lake, parquet = work / "lake", work / "duckdb"
    runs = {"trailql": [], "duckdb": []}
    for _ in range(rounds):
        for folder in (lake, parquet):
            shutil.rmtree(folder, ignore_errors=True)
        runs["duckdb"].append(Finished([sys.executable, BENCH / "duck.py", "ingest", bucket, parquet]))
        runs["trailql"].append(Finished([trailql, "--lake", lake, "ingest", "--quiet", bucket]))
    return lake, parquet, runs


def time_listing(bucket):
    """Seconds to walk the bucket and ask each file's size: what a repeated ingest cannot avoid."""
    start = time.perf_counter()
    folder_bytes(bucket)
    return time.perf_counter() - start


def time_floor(bucket):
    """Seconds of gunzip, one JSON parse and zstd-1 of the same files on all cores; None where it does not build."""
    target = ROOT / "target" / "bench" / "floor"
    build = ["cargo", "build", "--quiet", "--release", "--locked", "--manifest-path", BENCH / "floor" / "Cargo.toml", "--target-dir", target]
    if subprocess.run([str(part) for part in build]).returncode:
        return None
    lines = Finished([target / "release" / "trailql-floor", bucket]).out.splitlines()
    return [float(line.split()[0]) for line in lines[1:]]


def time_queries(trailql, lake, work, rounds, runs):
    """The query set on both engines, process by process in turn; all warm times per query, and the rows."""
    text = (BENCH / "queries.sql").read_text()
    for name, value in NEEDLE.items():
        text = text.replace("${%s}" % name, value)
    path = work / "queries.sql"
    path.write_text(text)
    from duck import read_queries
    queries = read_queries(path)
    seconds = {name: {"duckdb": [], "trailql": []} for name, _ in queries}
    different = []
    for number in range(rounds):
        duck = json.loads(Finished([sys.executable, BENCH / "duck.py", "queries", lake, path, runs]).out)
        ours = trailql_queries(trailql, lake, work, queries, runs)
        for name, _ in queries:
            seconds[name]["duckdb"] += duck[name]["seconds"]
            seconds[name]["trailql"] += ours[name]["seconds"]
            if number == 0 and normal(duck[name]["rows"]) != normal(ours[name]["rows"]):
                different.append(name)
    return queries, seconds, different


def trailql_queries(trailql, lake, work, queries, runs):
    """Every query `runs` times after one warm-up in one process, timed by trailql itself, and its rows."""
    script = work / "repeated.sql"
    script.write_text("".join(f"{sql};\n" * (runs + 1) for _, sql in queries))
    done = Finished([trailql, "--lake", lake, "sql", "--json", "--format", "jsonl", "-f", script])
    times = [json.loads(line)["seconds"] for line in done.err.splitlines() if line.startswith("{")]
    if len(times) != len(queries) * (runs + 1):
        sys.exit(f"{len(times)} timings for {len(queries) * (runs + 1)} statements:\n{done.err}")
    report = {}
    for i, (name, sql) in enumerate(queries):
        rows = one_shot(trailql, lake, sql).out.splitlines()
        mine = times[i * (runs + 1) + 1:(i + 1) * (runs + 1)]
        report[name] = {"seconds": mine, "rows": [list(json.loads(row).values()) for row in rows]}
    return report


def one_shot(trailql, lake, sql):
    """One query in a process of its own."""
    return Finished([trailql, "--lake", lake, "sql", "--format", "jsonl", "-c", sql])


def normal(rows):
    """Rows as text, so that two engines' types compare."""
    return [[None if v is None else str(v) for v in row] for row in rows]


median = statistics.median


def measure(options):
    """Everything, in order; returns the figures."""
    import duckdb
    work = pathlib.Path(options.work or ROOT / "target" / "bench")
    work.mkdir(parents=True, exist_ok=True)
    trailql = pathlib.Path(options.trailql)
    before = machine(trailql)
    bucket, made = make_bucket(options, work)
    note(f"bucket: {made['events']:,} events, {made['files']:,} files, {made['gzip_bytes'] / MIB:.0f} MiB gzip")
    lake, parquet, ingest = time_ingest(trailql, bucket, work, options.rounds)
    note("ingest done")
    floor = time_floor(bucket)
    again = [Finished([trailql, "--lake", lake, "ingest", "--quiet", bucket]) for _ in range(options.rounds)]
    listing = [time_listing(bucket) for _ in range(options.rounds)]
    queries, seconds, different = time_queries(trailql, lake, work, options.rounds, options.runs)
    note("queries done")
    first = [one_shot(trailql, lake, "SELECT count(*) FROM cloudtrail_logs") for _ in range(11)]
    needles = {name: one_shot(trailql, lake, sql).read_bytes for name, sql in queries if "needle" in name or "one-address" in name}
    data = sum(f.stat().st_size for f in lake.rglob("region=*/**/*.parquet"))
    return {
        "machine": before, "duckdb": duckdb.__version__, "bucket": made, "rounds": options.rounds, "runs": options.runs,
        "ingest": {who: {"seconds": [r.seconds for r in rs], "peak_bytes": max(r.peak_bytes for r in rs)} for who, rs in ingest.items()},
        "floor": floor, "lake_bytes": folder_bytes(lake), "data_bytes": data, "duckdb_bytes": folder_bytes(parquet),
        "again": [r.seconds for r in again], "listing": listing, "first_answer": [r.seconds for r in first],
        "queries": seconds, "different": different, "needle_read_bytes": needles}


def machine(trailql):
    """Where and with what the figures were taken."""
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) * 1024
    version = subprocess.run([trailql, "--version"], capture_output=True, text=True).stdout.strip()
    return {"date": dt.date.today().isoformat(), "cpu": cpu[1] if cpu else platform.machine(), "cores": os.cpu_count(),
            "memory_gib": round(memory / 2**30), "system": f"{platform.system()} {platform.release().split('-')[0]}",
            "trailql": version, "load": os.getloadavg()[0]}


def machine_line(m):
    """The same in words."""
    return f"{m['date']}, {m['cpu']}, {m['cores']} cores, {m['memory_gib']} GiB, {m['system']}; {m['trailql']}; load average {m['load']:.1f} before."


def verdict(good):
    """A word beside a target."""
    return "reached" if good else "**missed**"


def figures(r):
    """The figures as Markdown."""
    ours, theirs = (median(r["ingest"][who]["seconds"]) for who in ("trailql", "duckdb"))
    events, raw, gz = r["bucket"]["events"], r["bucket"]["raw_bytes"], r["bucket"]["gzip_bytes"]
    m, first = r["machine"], median(r["first_answer"])
    lake, again, listing = r["lake_bytes"], median(r["again"]), median(r["listing"])
    peak = r["ingest"]["trailql"]["peak_bytes"]
    lines = [
        machine_line(m) + f" DuckDB {r['duckdb']}.",
        f"Bucket: {events:,} events in {r['bucket']['files']:,} files, {raw / MIB:,.0f} MiB of JSON, {gz / MIB:,.0f} MiB gzipped; "
        f"medians of {r['rounds']} rounds, the engines in turn; queries warm, {r['runs']} runs a round.", "",
        "| work | trailql | DuckDB | ratio | target | |", "| --- | --- | --- | --- | --- | --- |",
        f"| ingest | {ours:.2f} s ({events / ours / 1000:,.0f} k events/s) | {theirs:.2f} s | {theirs / ours:.1f} × faster | ≥ 10 × | {verdict(theirs / ours >= 10)} |",
        *floor_line(r["floor"], ours),
        f"| peak memory of ingest | {peak / MIB:,.0f} MiB | {r['ingest']['duckdb']['peak_bytes'] / MIB:,.0f} MiB | | ≤ 1,024 MiB | {verdict(peak <= 1024 * MIB)} |",
        f"| size, against the gzip source | {lake / gz:.0%} (data {r['data_bytes'] / gz:.0%}) | {r['duckdb_bytes'] / gz:.0%} | | ≤ 60 % | {verdict(lake / gz <= 0.6)} |",
        f"| ingest again, nothing new | {again * 1000:.0f} ms | | listing alone {listing * 1000:.0f} ms | the listing | |",
        f"| start to first answer | {first * 1000:.0f} ms | | | ≤ 100 ms | {verdict(first <= 0.1)} |"]
    for name, read in r["needle_read_bytes"].items():
        share = read / r["data_bytes"]
        lines.append(f"| bytes read for `{name}` | {read / MIB:.2f} MiB of {r['data_bytes'] / MIB:,.0f} | | {share:.1%} | ≤ 5 % | {verdict(share <= 0.05)} |")
    lines += ["", "| query, warm | trailql | DuckDB | ratio | |", "| --- | --- | --- | --- | --- |"]
    ratios = []
    for name, seconds in r["queries"].items():
        a, b = median(seconds["trailql"]), median(seconds["duckdb"])
        ratios.append(a / b)
        lines.append(f"| `{name}` | {a * 1000:.1f} ms | {b * 1000:.1f} ms | {a / b:.2f} | {verdict(a <= b)} |")
    mean = statistics.geometric_mean(ratios)
    lines.append(f"| geometric mean | | | {mean:.2f} | target ≤ 0.7: {verdict(mean <= 0.7)} |")
    lines += ["", "Both engines gave the same rows for every query." if not r["different"] else
              f"**Different rows** from the two engines: {', '.join(r['different'])}."]
    return "\n".join(lines)


def floor_line(floor, ours):
    """The line of the table that compares ingest with the floor."""
    if not floor:
        return []
    share = median(floor) / ours
    return [f"| ingest against the floor (gunzip, one JSON parse, zstd-1) | {ours:.2f} s | | floor {median(floor):.2f} s = {share:.0%} | ≥ 60 % | {verdict(share >= 0.6)} |"]


def write_document(text, part="figures"):
    """Puts figures between the markers of their part of docs/BENCHMARKS.md."""
    path = ROOT / "docs" / "BENCHMARKS.md"
    start, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
    head, _, rest = path.read_text().partition(start)
    _, _, tail = rest.partition(end)
    path.write_text(f"{head}{start}\n\n{text}\n\n{end}{tail}")


def note(text):
    """Progress, for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3, help="times that the engines take turns")
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each query in a round")
    parser.add_argument("--trailql", default=ROOT / "target" / "release" / "trailql", help="the binary to time")
    parser.add_argument("--work", help="folder for bucket and lake (default: target/bench)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/BENCHMARKS.md")
    options = parser.parse_args()
    with_packages("duckdb")
    result = measure(options)
    (pathlib.Path(options.work or ROOT / "target" / "bench") / "results.json").write_text(json.dumps(result, indent=1))
    text = figures(result)
    print(text)
    if options.write:
        write_document(text)


if __name__ == "__main__":
    main()
