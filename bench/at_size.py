#!/usr/bin/env python3
"""Nothing lost and nothing doubled, at size: a million events in more than 20,000 log files, delivered twice and out of order,
with stragglers a month late, through `ingest --follow`; by listing, and through an SQS queue.

The log files are those of the last 31 days. Each is delivered under two names, as by two trails, in random order, while
trailql follows; those of the oldest days come last of all, and the queue gets each message twice. Then the events of the
lake are counted and compared with those that were made, record by record, by a hash of each record as a JSON value.
S3 is MinIO (TRAILQL_MINIO names the program), SQS is ElasticMQ, which Java runs and Maven brings.

  bench/at_size.py --events 1000000 --write
"""
import argparse, atexit, datetime as dt, gzip, hashlib, http.client, json, multiprocessing, os, pathlib, random, shutil, signal, subprocess, sys, threading, time

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(BENCH))
from buckets import Client, Process, environment, free_port, minio, upload
from run import machine, machine_line, note, write_document

# The oldest day is 30 days ago: later than that, CloudTrail does not deliver.
DAYS = 31
LATE_DAYS = 4
# CloudTrail's delivery times that count: the first copy of two in three files is there before trailql starts.
BEFORE = 2 / 3
DEADLINE_SECONDS = 3600
WORD = 2 ** 64


def make_logs(options, work):
    """The made log files as (key, path), and how many events they hold."""
    first = dt.date.today() - dt.timedelta(DAYS - 1)
    folder = work / f"at-size-{options.events}-{options.per_file}-{first}"
    if not (folder / "manifest.json").exists():
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, BENCH / "gen_trail.py", "--out", folder, "--events", options.events, "--days", DAYS, "--start", first,
                   "--per-file", options.per_file]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    files = [(str(path.relative_to(folder)), path) for path in sorted(folder.rglob("*.json.gz"))]
    return files, json.loads((folder / "manifest.json").read_text())["events"], first


def deliveries(files, first):
    """(key, path) of both deliveries of each file in the order in which they come, and how many come before the start."""
    late_until = (first + dt.timedelta(LATE_DAYS)).strftime("%Y%m%d")
    is_late = lambda key: key.rsplit("_", 2)[1][:8] < late_until
    dice = random.Random(1)
    once = [(f"AWSLogs/{key.split('AWSLogs/', 1)[1]}", path) for key, path in files]
    twice = [(key.replace(".json.gz", "B.json.gz"), path) for key, path in once]
    on_time = [pair for pair in once if not is_late(pair[0])]
    dice.shuffle(on_time)
    before = on_time[:int(len(on_time) * BEFORE)]
    rest = on_time[len(before):] + [pair for pair in twice if not is_late(pair[0])]
    stragglers = [pair for pair in once + twice if is_late(pair[0])]
    dice.shuffle(rest)
    dice.shuffle(stragglers)
    return before, rest, stragglers


def word(record):
    """A number that stands for a record as a JSON value; sums of them compare multisets."""
    text = json.dumps(json.loads(record, parse_float=str) if isinstance(record, (str, bytes)) else record, sort_keys=True)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def words_of_file(path):
    records = json.loads(gzip.decompress(path.read_bytes()), parse_float=str)["Records"]
    return len(records), sum(map(word, records)) % WORD


def fingerprint_of_logs(files):
    """Number and hash of all records."""
    with multiprocessing.Pool() as pool:
        counts, sums = zip(*pool.imap_unordered(words_of_file, [path for _, path in files], 100))
    return sum(counts), sum(sums) % WORD


def words_of_row(line):
    return word(json.loads(line)["eventjson"])


def fingerprint_of_lake(trailql, lake):
    """The same of what the lake holds."""
    command = [trailql, "--lake", lake, "sql", "--format", "jsonl", "-c", "SELECT eventjson FROM cloudtrail_logs"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child, multiprocessing.Pool() as pool:
        words = list(pool.imap_unordered(words_of_row, child.stdout, 1000))
    return len(words), sum(words) % WORD


class Queue:
    """A queue of ElasticMQ, told of each object twice as S3 tells it."""

    def __init__(self, work):
        port, jars = free_port(), (work / "elasticmq").resolve()
        if not jars.exists():
            subprocess.run(["mvn", "-q", "-f", BENCH / "elasticmq" / "pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={jars}"], check=True)
        settings = [f"-Drest-sqs.bind-port={port}", f"-Dnode-address.port={port}", "-Drest-stats.enabled=false"]
        self.server = Process(["java", *settings, "-cp", f"{jars}/*", "org.elasticmq.server.Main"], port)
        self.url = self.call("CreateQueue", {"QueueName": "trail"})["QueueUrl"]

    def call(self, action, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        key = "AWS4-HMAC-SHA256 Credential=key/20240101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
        connection.request("POST", "/", json.dumps(body), {"x-amz-target": f"AmazonSQS.{action}", "content-type": "application/x-amz-json-1.0", "authorization": key})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"{action}: {text.decode()}")
        return json.loads(text or b"{}")

    def announce(self, keys):
        records = [json.dumps({"Records": [{"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "trail"}, "object": {"key": key}}}]}) for key in keys] * 2
        random.Random(2).shuffle(records)
        for at in range(0, len(records), 10):
            entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(records[at:at + 10])]
            self.call("SendMessageBatch", {"QueueUrl": self.url, "Entries": entries})

    def waiting(self):
        """Messages that were not deleted."""
        attributes = self.call("GetQueueAttributes", {"QueueUrl": self.url, "AttributeNames": ["All"]})["Attributes"]
        return sum(int(attributes[name]) for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"))


class Follower:
    """trailql, following; what it says is counted as it comes."""

    def __init__(self, trailql, lake, arguments, work):
        self.log = (work / "at-size.log").open("a")
        command = [trailql, "--config", work / "trailql.toml", "--lake", lake, "ingest", "--follow", "--interval", "1s", "--json", *arguments, "s3://trail/AWSLogs/"]
        self.child = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=self.log)
        atexit.register(self.child.kill)
        self.sums = {"read": 0, "kept": 0, "duplicates": 0, "files": 0, "passes": 0, "merged": 0, "failed": 0}
        self.reader = threading.Thread(target=self.count, daemon=True)
        self.reader.start()

    def count(self):
        for line in self.child.stdout:
            event = json.loads(line)
            if event["event"] == "ingested":
                for name in ("read", "kept", "duplicates"):
                    self.sums[name] += event[name]
                self.sums["files"] += event["files"]["read"]
                self.sums["failed"] += len(event["failed"])
                self.sums["passes"] += 1
            elif event["event"] == "upkept":
                self.sums["merged"] += (event.get("optimize") or {}).get("files_removed", 0)
            else:
                self.sums["failed"] += 1

    def wait_for(self, files):
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self.sums["files"] < files and self.child.poll() is None and time.monotonic() < deadline:
            time.sleep(1)

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait()
        self.reader.join()
        return code


def follow(way, trailql, files, first, server, work):
    """One run, by listing or through the queue; returns what came of it."""
    client, lake = Client(server.port), f"s3://lake/{way}"
    before, rest, stragglers = deliveries(files, first)
    for key, _ in client.objects("trail"):
        client.request("DELETE", f"/trail/{key}")
    upload(server, "trail", before)
    queue = Queue(work) if way == "queue" else None
    if queue:
        os.environ["AWS_ENDPOINT_URL_SQS"] = queue.server.endpoint
    note(f"{way}: {len(before):,} objects are there, {len(rest):,} and {len(stragglers):,} stragglers come")
    start = time.monotonic()
    follower = Follower(trailql, lake, ["--sqs", queue.url] if queue else [], work)
    for wave in (rest, stragglers):
        for at in range(0, len(wave), 500):
            upload(server, "trail", wave[at:at + 500])
            if queue:
                queue.announce([key for key, _ in wave[at:at + 500]])
    follower.wait_for(2 * len(files))
    while queue and queue.waiting() and follower.child.poll() is None and time.monotonic() - start < DEADLINE_SECONDS:
        time.sleep(1)
    seconds = time.monotonic() - start
    left = queue.waiting() if queue else 0
    code = follower.stop()
    if queue:
        queue.server.stop()
    note(f"{way}: {seconds:.0f} s, {follower.sums}")
    count, content = fingerprint_of_lake(trailql, lake)
    return {"way": way, "seconds": seconds, "code": code, "left": left, "events": count, "content": content, **follower.sums}


def is_whole(run, expected, objects):
    """Whether the lake holds what was made, and the follower's account says so."""
    return (run["events"], run["content"]) == tuple(expected) and run["kept"] == expected[0] and run["read"] == 2 * expected[0] \
        and run["duplicates"] == expected[0] and run["files"] == objects and run["failed"] == run["code"] == run["left"] == 0


def figures(result):
    """The outcome as Markdown."""
    lines = [machine_line(result["machine"]), "",
             f"{result['expected'][0]:,} events in {result['objects'] // 2:,} log files, each delivered under two names: {result['objects']:,} objects, "
             f"in random order, those of the oldest {LATE_DAYS} of {DAYS} days last of all; the queue got each message twice.", "",
             "| `ingest --follow` | events read | kept | duplicates | commits, at least | small files merged on the way | time | lake against the manifest |",
             "| --- " * 8 + "|"]
    for run in result["runs"]:
        verdict = "the same count and content" if is_whole(run, result["expected"], result["objects"]) else f"**differs**: {run}"
        lines.append(f"| by {run['way']} | {run['read']:,} | {run['kept']:,} | {run['duplicates']:,} | {run['passes']:,} | {run['merged']:,} | {run['seconds']:.0f} s | {verdict} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--per-file", type=int, default=48, help="events in a log file, at most")
    parser.add_argument("--ways", default="listing,queue", help="which runs to make")
    parser.add_argument("--trailql", default=ROOT / "target" / "release" / "trailql", help="the binary to try")
    parser.add_argument("--work", help="folder for logs and servers (default: target/bench)")
    parser.add_argument("--write", action="store_true", help="put the outcome into docs/BENCHMARKS.md")
    options = parser.parse_args()
    work = pathlib.Path(options.work or ROOT / "target" / "bench")
    work.mkdir(parents=True, exist_ok=True)
    (work / "trailql.toml").write_text("[upkeep]\noptimize_every = '60s'\n")
    files, events, first = make_logs(options, work)
    expected = fingerprint_of_logs(files)
    if expected[0] != events:
        sys.exit(f"the manifest says {events} events, and the log files hold {expected[0]}")
    server = minio(work / "at-size-minio")
    os.environ.update(environment(server))
    for bucket in ("trail", "lake"):
        Client(server.port).make_bucket(bucket)
    trailql = str(pathlib.Path(options.trailql).resolve())
    before = machine(trailql)
    runs = [follow(way, trailql, files, first, server, work) for way in options.ways.split(",")]
    server.stop()
    result = {"machine": before, "expected": expected, "objects": 2 * len(files), "runs": runs}
    (work / "at_size.json").write_text(json.dumps(result))
    text = figures(result)
    print(text)
    if options.write:
        write_document(text, "at size")
    sys.exit(0 if all(is_whole(run, expected, 2 * len(files)) for run in runs) else 1)


if __name__ == "__main__":
    main()
