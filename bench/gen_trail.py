#!/usr/bin/env python3
"""Write a CloudTrail bucket of any size, made from real events.

Takes the real events under TEMPLATES as templates (every file shape found
there), gives each copy its own eventID, requestID, time, account, region,
caller, address and resource ids, and writes gzip files in the layout that
CloudTrail delivers:

  OUT/AWSLogs/<account>/CloudTrail/<region>/<yyyy>/<mm>/<dd>/
      <account>_CloudTrail_<region>_<yyyymmdd>T<hhmm>Z_<16 letters>.json.gz

Needs Python 3.9 or newer and nothing else. The same arguments always give the
same bytes. A manifest (OUT/manifest.json) states what was written, so that a
test can check counts against it.

  gen_trail.py --out /tmp/bench --events 1000000
"""
import argparse, bisect, collections, datetime as dt, gzip, io, json, multiprocessing as mp
import os, random, re, sys

TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testdata", "real")

REGIONS = [("us-east-1", 50), ("us-west-2", 18), ("eu-west-1", 10), ("ap-northeast-1", 7),
           ("eu-central-1", 5), ("ap-southeast-2", 4), ("us-east-2", 3), ("ca-central-1", 1.5),
           ("sa-east-1", 1), ("eu-north-1", 0.5)]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
B32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
TOKENS = re.compile(
    r"(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|(?P<key>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)"
    r"|(?P<principal>\b(?:AROA|AIDA)[A-Z0-9]{17}\b)"
    r"|(?P<res>\b(?:i|vpc|subnet|sg|eni|vol|ami|snap|rtb|igw|nat)-[0-9a-f]{17}\b)"
    r"|(?P<acct>(?<![0-9])[0-9]{12}(?![0-9]))"
    r"|(?P<time>\x01TIME\x01)|(?P<id>\x01ID\x01)|(?P<req>\x01REQ\x01)"
    r"|(?P<region>\x01REGION\x01)|(?P<ip>\x01IP\x01)")


def events_in(path):
    """Yield every CloudTrail event in one file, whatever its envelope."""
    raw = open(path, "rb").read()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    text = raw.decode("utf-8", "replace")
    try:
        docs = [json.loads(text)]
    except ValueError:
        docs = []
        for line in text.splitlines():
            try:
                docs.append(json.loads(line))
            except ValueError:
                return
    stack = docs
    while stack:
        d = stack.pop()
        if isinstance(d, list):
            stack.extend(d)
        elif isinstance(d, dict):
            if isinstance(d.get("Records"), list):
                stack.extend(d["Records"])
            elif isinstance(d.get("eventID"), str) and isinstance(d.get("eventName"), str) \
                    and isinstance(d.get("eventSource"), str) and "eventTime" in d:
                yield d


def load_templates(root, cap):
    """Real events -> [(weight, [static, token, static, ...])], commonest API first."""
    by_api, count = collections.defaultdict(dict), collections.Counter()
    paths = sorted(os.path.join(d, f) for d, _, fs in os.walk(root) for f in fs
                   if f.endswith((".json", ".gz", ".jsonl", ".ndjson", ".log")))
    for path in paths:
        for e in events_in(path):
            api = (e["eventSource"], e["eventName"])
            count[api] += 1
            kept = by_api[api]
            if len(kept) >= cap:
                continue
            e = dict(e, eventTime="\x01TIME\x01", eventID="\x01ID\x01")
            if "requestID" in e:
                e["requestID"] = "\x01REQ\x01"
            if isinstance(e.get("awsRegion"), str):
                e["awsRegion"] = "\x01REGION\x01"
            if re.fullmatch(r"[0-9.]{7,15}", str(e.get("sourceIPAddress", ""))):
                e["sourceIPAddress"] = "\x01IP\x01"
            text = json.dumps(e, separators=(",", ":")).replace("\\u0001", "\x01")
            if len(text) < 100_000:
                kept[text] = None
    out = []
    for api, kept in by_api.items():
        for text in kept:
            parts, at = [], 0
            for m in TOKENS.finditer(text):
                parts += [text[at:m.start()], (m.lastgroup, m.group())]
                at = m.end()
            out.append((count[api] ** 0.6 / len(kept), parts + [text[at:]]))
    if not out:
        sys.exit(f"no CloudTrail events under {root}")
    return out


def hexs(r, n):
    return f"{r.getrandbits(4 * n):0{n}x}"


def uuid(r):
    h = hexs(r, 32)
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


def pick_pool(r, n, make):
    return [make(r) for _ in range(n)]


def write_unit(job):
    """One account, region and day: its events in time order, cut into delivery files."""
    out, seed, account, region, day, n, per_file = job
    r = random.Random(f"{seed}/{account}/{region}/{day}")
    pools = random.Random(f"{seed}/{account}")
    keys = pick_pool(pools, 200, lambda q: "ASIA" + "".join(q.choices(B32, k=16)))
    users = pick_pool(pools, 60, lambda q: "AROA" + "".join(q.choices(B32, k=17)))
    ips = pick_pool(pools, 400, lambda q: ".".join(str(q.randint(1, 254)) for _ in range(4)))
    res = pick_pool(pools, 2000, lambda q: hexs(q, 17))
    seconds = sorted(min(86399, int(r.triangular(0, 86400, 50000))) for _ in range(n))
    folder = os.path.join(out, "AWSLogs", account, "CloudTrail", region, day.replace("-", "/"))
    os.makedirs(folder, exist_ok=True)
    files, raw_bytes, gz_bytes = 0, 0, 0
    for at in range(0, n, per_file):
        recs = []
        for s in seconds[at:at + per_file]:
            parts = TPL[bisect.bisect(CUM, r.random() * CUM[-1])][1]
            stamp = f"{day}T{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}Z"
            seen, buf = {}, []
            for p in parts:
                if isinstance(p, str):
                    buf.append(p)
                    continue
                kind, old = p
                if kind == "time":
                    v = stamp
                elif kind == "id" or kind == "req":
                    v = uuid(r)
                elif kind == "region":
                    v = region
                elif kind == "acct":
                    v = account
                else:
                    v = seen.get(old)
                    if v is None:
                        q = r.random()
                        if kind == "ip":
                            v = ips[int(q * q * len(ips))]
                        elif kind == "key":
                            v = keys[int(q * q * len(keys))]
                        elif kind == "principal":
                            v = users[int(q * q * len(users))]
                        elif kind == "res":
                            v = old.split("-")[0] + "-" + res[int(q * q * len(res))]
                        else:
                            v = uuid(r)
                        seen[old] = v
                buf.append(v)
            recs.append("".join(buf))
        body = ('{"Records":[' + ",".join(recs) + "]}").encode()
        end = min(86399, seconds[min(at + per_file, n) - 1] + 300)
        name = (f"{account}_CloudTrail_{region}_{day.replace('-', '')}T{end // 3600:02}{end // 60 % 60:02}Z_"
                + "".join(r.choices(LETTERS, k=16)) + ".json.gz")
        mem = io.BytesIO()
        with gzip.GzipFile(fileobj=mem, mode="wb", compresslevel=6, mtime=0, filename="") as g:
            g.write(body)
        with open(os.path.join(folder, name), "wb") as f:
            f.write(mem.getvalue())
        files, raw_bytes, gz_bytes = files + 1, raw_bytes + len(body), gz_bytes + len(mem.getvalue())
    return n, files, raw_bytes, gz_bytes


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--templates", default=TEMPLATES, help="folder of real CloudTrail files (default: testdata/real)")
    a.add_argument("--out", required=True, help="folder to write the bucket into")
    a.add_argument("--events", type=int, default=100_000)
    a.add_argument("--accounts", type=int, default=3)
    a.add_argument("--days", type=int, default=10)
    a.add_argument("--start", default="2024-03-01", help="first day, UTC")
    a.add_argument("--per-file", type=int, default=1500, help="most events in one delivered file")
    a.add_argument("--templates-per-api", type=int, default=20)
    a.add_argument("--seed", default="1")
    a.add_argument("--workers", type=int, default=os.cpu_count())
    o = a.parse_args()
    global TPL, CUM
    TPL = load_templates(o.templates, o.templates_per_api)
    CUM, total = [], 0.0
    for w, _ in TPL:
        total += w
        CUM.append(total)
    r = random.Random(o.seed)
    accounts = ["".join(r.choices("123456789", k=12)) for _ in range(o.accounts)]
    first = dt.date.fromisoformat(o.start)
    days = [(first + dt.timedelta(i)).isoformat() for i in range(o.days)]
    cells = [(w / (i + 1), acct, reg, d) for i, acct in enumerate(accounts) for reg, w in REGIONS for d in days]
    whole = sum(c[0] for c in cells)
    jobs, given = [], 0
    for w, acct, reg, d in cells:
        n = int(o.events * w / whole)
        given += n
        jobs.append([o.out, o.seed, acct, reg, d, n, o.per_file])
    for i in range(o.events - given):
        jobs[i % len(jobs)][5] += 1
    with mp.get_context("fork").Pool(o.workers) as pool:
        done = pool.map(write_unit, [j for j in jobs if j[5]], chunksize=1)
    n, files, raw, gz = (sum(c) for c in zip(*done))
    manifest = {"events": n, "files": files, "raw_bytes": raw, "gzip_bytes": gz, "templates": len(TPL),
                "apis": None, "accounts": accounts, "days": [days[0], days[-1]], "seed": o.seed}
    manifest.pop("apis")
    with open(os.path.join(o.out, "manifest.json"), "w") as f:
        json.dump(manifest, f, indent=1)
    print(json.dumps(manifest))


if __name__ == "__main__":
    main()
