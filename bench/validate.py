#!/usr/bin/env python3
"""Times `trailql validate` beside `aws cloudtrail validate-logs` on one made bucket.

Both read the bucket from one S3 server on loopback, a MinIO (`--minio`) or a `moto_server`, and the AWS CLI its keys from a
stand-in in this script; then trailql reads a copy of the bucket on disk as well. All check the same digests and log files,
and must count the same. They are single commands, timed from start to exit, in turn. Needs the AWS CLI from 1.46 on, and for
want of a MinIO moto: `pip install awscli moto[server] boto3`.

    python3 bench/validate.py --hours 24 --logs 28        # a small one
    python3 bench/validate.py --hours 720 --logs 28       # 20,160 log files, a month of digests
"""
import argparse, concurrent.futures, http.server, json, os, pathlib, re, socket, subprocess, sys, tempfile, threading, time

import boto3

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUCKET, REGION = "trail-bucket", "us-east-1"
ARN = f"arn:aws:cloudtrail:{REGION}:111122223333:trail/main"
START = "2024-03-01T00:00:00Z"
USER, PASSWORD = "benchmark", "benchmark-password"
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": PASSWORD, "AWS_DEFAULT_REGION": REGION}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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


def serve_s3(minio, folder):
    """A server of its own, ready to be asked."""
    port = free_port()
    if minio:
        command = [minio, "server", "--address", f"127.0.0.1:{port}", folder / "minio"]
    else:
        command = [os.environ.get("TRAILQL_MOTO_SERVER", "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, "MINIO_ROOT_USER": USER, "MINIO_ROOT_PASSWORD": PASSWORD}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while socket.socket().connect_ex(("127.0.0.1", port)):
        if time.monotonic() > deadline:
            sys.exit(f"{command[0]} does not listen")
        time.sleep(0.1)
    return process, f"http://127.0.0.1:{port}"


def upload(folder, endpoint):
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=USER, aws_secret_access_key=PASSWORD)
    s3.create_bucket(Bucket=BUCKET)

    def put(path):
        sidecar = path.with_name(path.name + ".metadata.json")
        metadata = json.loads(sidecar.read_text())["Metadata"] if sidecar.exists() else {}
        s3.put_object(Bucket=BUCKET, Key=str(path.relative_to(folder)), Body=path.read_bytes(), Metadata=metadata)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(put, sorted(folder.rglob("*.json.gz"))))


def timed(command, environment):
    """Seconds, peak memory in MiB, and what the command said."""
    before = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - before
    if status:
        sys.exit(f"{command[0]} failed:\n{said}")
    return seconds, usage.ru_maxrss / 1024, said


def counts(said):
    return sorted(re.findall(r"\d+/\d+ (?:digest|backfill digest|log) files valid", said))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--logs", type=int, default=28, help="log files per hour")
    parser.add_argument("--trailql", default=ROOT / "target/release/trailql", type=pathlib.Path)
    parser.add_argument("--make-trail", default=ROOT / "target/debug/examples/make_trail", type=pathlib.Path)
    parser.add_argument("--aws", default=os.environ.get("TRAILQL_AWS_CLI", "aws"))
    parser.add_argument("--minio", type=pathlib.Path, help="program of a MinIO server, to be used instead of moto")
    parser.add_argument("--rounds", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        subprocess.run([args.make_trail, folder, str(args.hours), str(args.logs)], check=True)
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1709251200 + args.hours * 3600))
        keys = json.loads((folder / "keys.json").read_text())["PublicKeyList"]
        answer = [{"Value": key["Value"], "Fingerprint": key["Fingerprint"]} for key in keys]
        cloudtrail = serve_keys(json.dumps({"PublicKeyList": answer}).encode())
        process, s3 = serve_s3(args.minio, folder)
        try:
            upload(folder / BUCKET, s3)
            compare(args, folder, end, s3, cloudtrail)
        finally:
            process.terminate()


def compare(args, folder, end, s3, cloudtrail):
    aws = [args.aws, "cloudtrail", "validate-logs", "--trail-arn", ARN, "--start-time", START, "--end-time", end]
    aws += ["--s3-bucket", BUCKET, "--region", REGION]
    keys = ["--since", START, "--until", end, "--offline", "--public-keys", folder / "keys.json"]
    trailql = {
        "trailql, the same bucket": [args.trailql, "validate", f"s3://{BUCKET}", *keys],
        "trailql, a copy on disk": [args.trailql, "validate", folder / BUCKET, "--copy-of", BUCKET, *keys],
    }
    endpoints = {"AWS_ENDPOINT_URL_S3": s3, "AWS_ENDPOINT_URL_CLOUDTRAIL": cloudtrail, "AWS_ENDPOINT_URL": s3}
    environment = {**ENVIRONMENT, **endpoints, "AWS_ALLOW_HTTP": "true"}
    for _ in range(args.rounds):
        theirs, mib, said = timed(aws, environment)
        found = counts(said)
        print(f"{args.hours * args.logs:,} log files, {args.hours:,} digests: {', '.join(found)}")
        print(f"AWS CLI: {theirs:.1f} s, {mib:.0f} MiB")
        for name, command in trailql.items():
            seconds, mib, said = timed(command, environment)
            assert counts(said) == found, f"{name} differs:\n{said}"
            print(f"{name}: {seconds:.2f} s, {mib:.0f} MiB; {theirs / seconds:.0f} times faster")


if __name__ == "__main__":
    main()
