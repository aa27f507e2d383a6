#!/usr/bin/env python3
"""Half an hour of `ingest --follow` on a lake in use: log files arrive all the time, small files are merged by policy, old ones
are vacuumed, queries run. Samples the follower's memory, its open files and the time of each query, and says whether they stay flat.

Trail and lake are buckets of a MinIO server (TRAILQL_MINIO names the program). Log files arrive in the order of their
times; one query asks for the first hours, whose events are all there early on, one counts everything. The lake holds
events of the same days before, so many that its large files are past being merged: of an empty lake every figure grows.

  bench/soak.py --minutes 30 --write
"""
import argparse, atexit, datetime as dt, json, os, pathlib, re, shutil, signal, statistics, subprocess, sys, threading, time

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(BENCH))
from buckets import Client, environment, minio
from run import MIB, machine, machine_line, write_document

SAMPLE_SECONDS = 10
VACUUM_SECONDS = 60
LAKE = "s3://lake/soak"
POLICY = "[upkeep]\noptimize_every = '30s'\nvacuum_after = '7d'\n"
# Growth from the second sixth of the run to the last one that still counts as flat: noise of a machine at work.
FLAT = 1.25


def make(work, events, per_file, first, seed):
    """A made bucket of two days, and its number of events."""
    bucket = work / f"soak-{events}-{per_file}-{first}-{seed}"
    if not (bucket / "manifest.json").exists():
        shutil.rmtree(bucket, ignore_errors=True)
        command = [sys.executable, BENCH / "gen_trail.py", "--out", bucket, "--events", events, "--days", 2, "--start", first,
                   "--per-file", per_file, "--seed", seed]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    return bucket, json.loads((bucket / "manifest.json").read_text())["events"]


def log_files(options, work, first):
    """The log files that arrive, as (key, path) in the order of their times, and their number of events."""
    bucket, events = make(work, int(options.minutes * 60 * options.rate) * options.per_file, options.per_file, first, 1)
    paths = sorted(bucket.rglob("*.json.gz"), key=lambda path: re.search(r"_(\d{8}T\d{4}Z)_", path.name)[1])
    return [(str(path.relative_to(bucket)), path) for path in paths], events


class Arrivals(threading.Thread):
    """Puts log files into the bucket at an even rate."""

    def __init__(self, server, files, rate):
        super().__init__(daemon=True)
        self.client, self.files, self.rate, self.done = Client(server.port), files, rate, 0

    def run(self):
        start = time.monotonic()
        for number, (key, path) in enumerate(self.files):
            time.sleep(max(0, start + number / self.rate - time.monotonic()))
            self.client.put("trail", key, path.read_bytes())
            self.done = number + 1


def query(trailql, sql):
    """Seconds of a query as a process of its own, and its answer."""
    start = time.perf_counter()
    done = subprocess.run([trailql, "--lake", LAKE, "sql", "--format", "csv", "-c", sql], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"a query failed: {done.stderr}")
    return time.perf_counter() - start, done.stdout.split()[1]


def sample(child, trailql, first, started, arrivals):
    """One line of figures."""
    status = pathlib.Path(f"/proc/{child.pid}/status").read_text()
    rss = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024
    fds = len(os.listdir(f"/proc/{child.pid}/fd"))
    early = f"SELECT count(DISTINCT sourceipaddress) AS n FROM cloudtrail_logs WHERE eventtime < TIMESTAMP '{first} 02:00:00'"
    early_seconds, _ = query(trailql, early)
    count_seconds, events = query(trailql, "SELECT count(*) AS n FROM cloudtrail_logs")
    return {"at": time.monotonic() - started, "rss": rss, "fds": fds, "early": early_seconds, "count": count_seconds,
            "events": int(events), "arrived": arrivals.done}


def soak(options, work):
    """The run; returns samples and what the follower said."""
    trailql = str(pathlib.Path(options.trailql).resolve())
    before = machine(trailql)
    first = dt.date.today() - dt.timedelta(1)
    files, arriving = log_files(options, work, first)
    folder, present = make(work, options.before, 1500, first, 2)
    server = minio(work / "soak-minio")
    os.environ.update(environment(server))
    for bucket in ("trail", "lake"):
        Client(server.port).make_bucket(bucket)
    (work / "trailql.toml").write_text(POLICY)
    subprocess.run([trailql, "--lake", LAKE, "ingest", "--quiet", folder / "AWSLogs"], check=True, stdout=subprocess.DEVNULL)
    said = work / "soak.jsonl"
    command = [trailql, "--config", work / "trailql.toml", "--lake", LAKE, "ingest", "--follow", "--interval", "5s", "--json", "s3://trail/AWSLogs/"]
    with said.open("w") as out, (work / "soak.log").open("w") as err:
        child = subprocess.Popen([str(part) for part in command], stdout=out, stderr=err)
    atexit.register(child.kill)
    arrivals = Arrivals(server, files, options.rate)
    arrivals.start()
    samples, started, vacuumed = [], time.monotonic(), time.monotonic()
    time.sleep(15)
    while arrivals.is_alive():
        begin = time.monotonic()
        samples.append(sample(child, trailql, first, started, arrivals))
        if begin - vacuumed > VACUUM_SECONDS:
            subprocess.run([trailql, "--lake", LAKE, "lake", "vacuum", "--older-than", "0d", "--quiet"], check=False, stdout=subprocess.DEVNULL)
            vacuumed = begin
        time.sleep(max(0, SAMPLE_SECONDS - (time.monotonic() - begin)))
    expected = present + arriving
    deadline = time.monotonic() + 120
    while int(query(trailql, "SELECT count(*) AS n FROM cloudtrail_logs")[1]) < expected and time.monotonic() < deadline:
        time.sleep(2)
    events = int(query(trailql, "SELECT count(*) AS n FROM cloudtrail_logs")[1])
    child.send_signal(signal.SIGTERM)
    code = child.wait()
    server.stop()
    return {"machine": before, "samples": samples, "code": code, "events": events, "expected": expected, "said": [json.loads(line) for line in said.open()]}


def figures(result, options):
    """The figures as Markdown: a line for each sixth of the run, and what became of each figure."""
    samples = result["samples"]
    sixths = [samples[len(samples) * n // 6:len(samples) * (n + 1) // 6] for n in range(6)]
    columns = (("memory, MiB", "rss", MIB, 0), ("open files", "fds", 1, 0), ("query of the first hours, ms", "early", 0.001, 0),
               ("count of all, ms", "count", 0.001, 0))
    middle = lambda part, key, unit: statistics.median(s[key] for s in part) / unit
    passes = [event for event in result["said"] if event["event"] == "ingested"]
    upkept = [event["optimize"] for event in result["said"] if event["event"] == "upkept" and event.get("optimize")]
    lines = [machine_line(result["machine"]), "",
             f"{samples[-1]['at'] / 60:.0f} minutes, {samples[-1]['arrived']:,} log files and {result['expected'] - options.before:,} events at {options.rate} files a second beside {options.before:,} events of the same days, "
             f"{len(passes):,} commits or more, {len(upkept)} compactions of {sum(one['files_removed'] for one in upkept):,} files; medians of {len(samples)} samples.", "",
             "| minutes | events in the lake | " + " | ".join(name for name, *_ in columns) + " |", "| --- " * (len(columns) + 2) + "|"]
    for part in sixths:
        cells = [f"{middle(part, key, unit):,.{digits}f}" for _, key, unit, digits in columns]
        lines.append(f"| {part[0]['at'] / 60:.0f} to {part[-1]['at'] / 60:.0f} | {part[-1]['events']:,} | " + " | ".join(cells) + " |")
    growth = [middle(sixths[-1], key, 1) / middle(sixths[1], key, 1) for _, key, *_ in columns]
    lines.append("| last sixth against the second | | " + " | ".join(f"{ratio:.2f} ×: {'flat' if ratio <= FLAT else '**grows**'}" for ratio in growth) + " |")
    failed = [event for event in result["said"] if event["event"] in ("failed", "put_aside")]
    is_whole = result["events"] == result["expected"] and result["code"] == 0 and not failed
    peak = max(s["rss"] for s in samples) / MIB
    lines += ["", f"Highest memory of a sample {peak:,.0f} MiB. " + ("Every event is in the lake once, nothing failed, and the follower left with exit code 0 when asked to." if is_whole else
              f"**{result['events']:,} of {result['expected']:,} events are in the lake, {len(failed)} failures, exit code {result['code']}.**")]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=8, help="log files that arrive in a second")
    parser.add_argument("--per-file", type=int, default=40, help="events in a log file, at most")
    parser.add_argument("--before", type=int, default=4_000_000, help="events that the lake holds before")
    parser.add_argument("--trailql", default=ROOT / "target" / "release" / "trailql", help="the binary to watch")
    parser.add_argument("--work", help="folder for logs and servers (default: target/bench)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/BENCHMARKS.md")
    options = parser.parse_args()
    work = pathlib.Path(options.work or ROOT / "target" / "bench")
    work.mkdir(parents=True, exist_ok=True)
    result = soak(options, work)
    (work / "soak.json").write_text(json.dumps(result))
    text = figures(result, options)
    print(text)
    if options.write:
        write_document(text, "soak")


if __name__ == "__main__":
    main()
