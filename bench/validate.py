#!/usr/bin/env python3
"""Time `trailql validate` beside `aws cloudtrail validate-logs` on one made trail, a month of digests and 20,160 log files.

Both read the bucket from one MinIO server (TRAILQL_MINIO names the program): on loopback, and behind a line that takes 20 ms
longer for each request, as S3 does. The AWS CLI gets its keys from a stand-in in this script. Then trailql reads a copy of
the bucket on disk. All check the same digests and log files, and must count the same. They are single commands, timed from
start to exit, in turn. TRAILQL_AWS_CLI names the AWS CLI, which must be 1.46 or later.

  bench/validate.py --hours 720 --logs 28 --write
"""
import argparse, gzip, hashlib, http.server, json, os, pathlib, re, shutil, subprocess, sys, threading, time

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(BENCH))
from buckets import Client, environment, minio, slow_line, upload
from run import MIB, Finished, machine, machine_line, note, verdict, write_document

BUCKET, REGION = "trail-bucket", "us-east-1"
ARN = f"arn:aws:cloudtrail:{REGION}:111122223333:trail/main"
START, START_SECONDS = "2024-03-01T00:00:00Z", 1709251200
LATENCY_MILLIS = 20


def serve_keys(answer):
    """A stand-in for CloudTrail that gives out one list of keys."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def metadata(path):
    """The metadata that a digest has in S3: its signature."""
    sidecar = path.with_name(path.name + ".metadata.json")
    return json.loads(sidecar.read_text())["Metadata"] if sidecar.exists() else None


def floor(folder):
    """Seconds that gunzip and SHA-256 alone take for all files, one after the other, and bytes that come out."""
    files = [path.read_bytes() for path in sorted(folder.rglob("*.json.gz"))]
    start, size = time.perf_counter(), 0
    for content in files:
        content = gzip.decompress(content)
        size += len(content)
        hashlib.sha256(content).digest()
    return time.perf_counter() - start, size


def counts(said):
    return sorted(re.findall(r"\d+/\d+ (?:digest|backfill digest|log) files valid", said))


def measure(options, work):
    folder = work / "trail"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([options.make_trail, folder, str(options.hours), str(options.logs)], check=True)
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START_SECONDS + options.hours * 3600))
    keys = json.loads((folder / "keys.json").read_text())["PublicKeyList"]
    answer = [{"Value": key["Value"], "Fingerprint": key["Fingerprint"]} for key in keys]
    os.environ["AWS_ENDPOINT_URL_CLOUDTRAIL"] = serve_keys(json.dumps({"PublicKeyList": answer}).encode())
    server = minio(work / "validate-minio")
    Client(server.port).make_bucket(BUCKET)
    files = [(str(path.relative_to(folder / BUCKET)), path) for path in sorted((folder / BUCKET).rglob("*.json.gz"))]
    upload(server, BUCKET, files, metadata=metadata)
    aws = [options.aws, "cloudtrail", "validate-logs", "--trail-arn", ARN, "--start-time", START, "--end-time", end]
    aws += ["--s3-bucket", BUCKET, "--region", REGION]
    check = ["--since", START, "--until", end, "--offline", "--public-keys", folder / "keys.json"]
    trailql = options.trailql.resolve()
    ways = {}
    for way, line in (("loopback", server), (f"{LATENCY_MILLIS} ms a request", slow_line(server, LATENCY_MILLIS, work))):
        os.environ.update(environment(line))
        ways[way] = {"aws": Finished(aws), "trailql": Finished([trailql, "validate", f"s3://{BUCKET}", *check])}
        note(f"{way}: {ways[way]['aws'].seconds:.1f} s, {ways[way]['trailql'].seconds:.2f} s")
    disk = Finished([trailql, "validate", folder / BUCKET, "--copy-of", BUCKET, *check])
    found = counts(disk.out)
    if any(counts(run.out) != found for way in ways.values() for run in way.values()):
        sys.exit(f"the two count other files: {ways} {disk.out}")
    return {"machine": machine(trailql), "found": found, "ways": ways, "disk": disk, "floor": floor(folder / BUCKET)}


def figures(result):
    """The figures as Markdown."""
    def row(way, aws, trailql):
        peak = f"{trailql.peak_bytes / MIB:,.0f} MiB"
        good = verdict(aws.seconds >= 20 * trailql.seconds and trailql.peak_bytes <= 500 * MIB)
        return f"| {way} | {aws.seconds:.1f} s | {trailql.seconds:.2f} s, {peak} | {aws.seconds / trailql.seconds:.0f} × faster | {good} |"

    loopback = next(iter(result["ways"].values()))["aws"]
    seconds, size = result["floor"]
    lines = [machine_line(result["machine"]), "", f"Both say: {', '.join(result['found'])}.", "",
             "| read from | AWS CLI | trailql | | target: ≥ 20 ×, ≤ 500 MiB |", "| --- | --- | --- | --- | --- |"]
    lines += [row(f"MinIO, {way}", runs["aws"], runs["trailql"]) for way, runs in result["ways"].items()]
    lines += [row("disk; the AWS CLI reads the bucket on loopback", loopback, result["disk"]), "",
              f"To gunzip and hash the files' {size / MIB:,.0f} MiB, and nothing else, takes zlib and OpenSSL {seconds:.2f} s on one core."]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=720)
    parser.add_argument("--logs", type=int, default=28, help="log files per hour")
    parser.add_argument("--trailql", default=ROOT / "target" / "release" / "trailql", type=pathlib.Path)
    parser.add_argument("--make-trail", default=ROOT / "target" / "debug" / "examples" / "make_trail", type=pathlib.Path)
    parser.add_argument("--aws", default=os.environ.get("TRAILQL_AWS_CLI", "aws"))
    parser.add_argument("--work", help="folder for trail and server (default: target/bench)")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/BENCHMARKS.md")
    options = parser.parse_args()
    work = pathlib.Path(options.work or ROOT / "target" / "bench")
    work.mkdir(parents=True, exist_ok=True)
    text = figures(measure(options, work))
    print(text)
    if options.write:
        write_document(text, "validation")


if __name__ == "__main__":
    main()
