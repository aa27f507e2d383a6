"""Buckets for the benchmarks: a MinIO process, requests to it, and a line to it that is slower than loopback."""
import atexit, concurrent.futures, datetime as dt, hashlib, hmac, http.client, os, pathlib, re, shutil, socket, subprocess, sys, threading, time
import urllib.parse

BENCH = pathlib.Path(__file__).resolve().parent
KEY_ID, SECRET = "benchkey", "benchsecret"
DEADLINE_SECONDS = 60
ATTEMPTS = 6


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A server on a port of its own, ended with `stop`."""

    def __init__(self, command, port, **options):
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"
        self.child = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        atexit.register(self.stop)
        deadline = time.monotonic() + DEADLINE_SECONDS
        while socket.socket().connect_ex(("127.0.0.1", port)):
            if self.child.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{command[0]} does not listen")
            time.sleep(0.05)

    def stop(self):
        self.child.terminate()
        self.child.wait()


def minio(folder):
    """A MinIO server with an empty folder; TRAILQL_MINIO names the program."""
    shutil.rmtree(folder, ignore_errors=True)
    pathlib.Path(folder).mkdir(parents=True)
    port = free_port()
    settings = {"MINIO_ROOT_USER": KEY_ID, "MINIO_ROOT_PASSWORD": SECRET, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off"}
    program = os.environ.get("TRAILQL_MINIO", "minio")
    if not shutil.which(program):
        sys.exit(f"{program} is not installed: go install github.com/minio/minio@latest, or set TRAILQL_MINIO")
    server = Process([program, "server", "--address", f"127.0.0.1:{port}", folder], port, env=os.environ | settings)
    # It listens before it is ready.
    while Client(server.port).request("PUT", "/probe")[0] != 200:
        time.sleep(0.05)
    return server


def slow_line(server, milliseconds, work):
    """A way to a server that takes longer for each request."""
    program = pathlib.Path(work) / "slow_line"
    subprocess.run(["rustc", "-O", "--edition", "2024", "-o", program, BENCH / "slow_line.rs"], check=True)
    port = free_port()
    return Process([program, port, server.port, milliseconds], port)


def environment(server):
    """What a program needs to use a server."""
    return {"AWS_ENDPOINT_URL": server.endpoint, "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent"}


class Client:
    """Signed requests to S3 over one connection.

    Signature Version 4, as the IAM User Guide describes it in "Create a signed AWS API request".
    """

    def __init__(self, port):
        self.host = f"127.0.0.1:{port}"
        self.connection = http.client.HTTPConnection("127.0.0.1", port)

    def request(self, method, path, query="", body=b"", metadata=None):
        """Status and body of the answer; the path is as S3 has it, the query encoded and in order."""
        now = dt.datetime.now(dt.timezone.utc)
        day, stamp = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
        path = urllib.parse.quote(path, safe="/-._~")
        sent = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD", "x-amz-date": stamp}
        sent |= {f"x-amz-meta-{name}": value for name, value in (metadata or {}).items()}
        signed = sorted({"host": self.host, **sent}.items())
        headers, names = "".join(f"{name}:{value}\n" for name, value in signed), ";".join(name for name, _ in signed)
        scope = f"{day}/us-east-1/s3/aws4_request"
        canonical = f"{method}\n{path}\n{query}\n{headers}\n{names}\nUNSIGNED-PAYLOAD"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"AWS4{SECRET}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        self.connection.request(method, f"{path}?{query}", body, {
            **sent, "authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, Signature={signature}"})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def make_bucket(self, bucket):
        self.expect("PUT", f"/{bucket}")

    def put(self, bucket, key, body, metadata=None):
        self.expect("PUT", f"/{bucket}/{key}", body=body, metadata=metadata)

    def expect(self, method, path, body=b"", metadata=None):
        """A request that must succeed; on a busy machine the server gives up on one now and then."""
        for attempt in range(ATTEMPTS):
            status, answer = self.request(method, path, body=body, metadata=metadata)
            if status == 200:
                return
            self.connection.close()
            time.sleep(0.2 * 2 ** attempt)
        sys.exit(f"{method} {path}: {status} {answer.decode(errors='replace')}")

    def objects(self, bucket, prefix=""):
        """Keys and sizes, page by page."""
        after = ""
        while True:
            start = f"&start-after={urllib.parse.quote(after, safe='')}" if after else ""
            _, page = self.request("GET", f"/{bucket}/", f"list-type=2&prefix={urllib.parse.quote(prefix, safe='')}{start}")
            found = re.findall(r"<Key>(.*?)</Key>.*?<Size>(\d+)</Size>", page.decode())
            yield from ((key, int(size)) for key, size in found)
            if "<IsTruncated>true" not in page.decode():
                return
            after = found[-1][0]


def upload(server, bucket, files, workers=8, metadata=lambda path: None):
    """Puts (key, path) pairs into a bucket, some at once, each with the metadata of its path."""
    local = threading.local()

    def put(pair):
        if not hasattr(local, "client"):
            local.client = Client(server.port)
        local.client.put(bucket, pair[0], pathlib.Path(pair[1]).read_bytes(), metadata(pair[1]))

    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(put, files):
            pass
