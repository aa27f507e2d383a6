"""Has `trailql ingest`, `report run` and `assert` tell servers that are really there, and looks at what they got.

A webhook (its signature checked by Python's own HMAC), a Slack webhook, an SNS topic (moto; read back from a queue that is
subscribed to it), mail (aiosmtpd: in the open, by STARTTLS with a login, by TLS from the first byte) and a command; busy,
refusing and absent receivers, and a mail server that nobody vouches for.
Usage: python3 crates/notify/tests/receivers.py --trailql PATH; needs openssl, and moto[server] and aiosmtpd from PyPI.
"""

import argparse
import collections
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
from pathlib import Path

import boto3
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from moto.server import ThreadedMotoServer

KEY, USER, WORD = "signing key", "trailql", "open sesame"
CONFIG = """lake = 'lake'
[[notify]]
name = 'hook'
kind = 'webhook'
url = '{web}/hook'
signing_key_env = 'HOOK_KEY'
always = true
[[notify]]
name = 'critical'
kind = 'webhook'
url = '{web}/critical'
severity = 'critical'
[[notify]]
name = 'slack'
kind = 'slack'
url_env = 'SLACK_URL'
template = '*{{level}}* {{job}} {{outcome}}: {{text}}'
[[notify]]
name = 'topic'
kind = 'sns'
topic = '{topic}'
[[notify]]
name = 'mail'
kind = 'email'
server = '127.0.0.1:{smtp}'
from = 'trailql@example.org'
to = ['Ops <ops@example.org>', 'audit@example.org']
[[notify]]
name = 'login'
kind = 'email'
server = 'localhost:{smtp_login}'
tls = 'starttls'
from = 'trailql@example.org'
to = ['ops@example.org']
user_env = 'MAIL_USER'
login_env = 'MAIL_WORD'
[[notify]]
name = 'program'
kind = 'command'
command = ['sh', '-c', 'cat >> told']
[[notify]]
name = 'busy'
kind = 'webhook'
url = '{web}/busy'
always = true
[[notify]]
name = 'refusing'
kind = 'webhook'
url = '{web}/refusing/secret'
always = true
[[notify]]
name = 'absent'
kind = 'webhook'
url = 'http://127.0.0.1:{nobody}/secret'
always = true
[[notify]]
name = 'implicit'
kind = 'email'
server = 'localhost:{smtp_implicit}'
tls = 'implicit'
from = 'trailql@example.org'
to = ['ops@example.org']
[[notify]]
name = 'open'
kind = 'email'
server = 'localhost:{smtp}'
tls = 'starttls'
from = 'trailql@example.org'
to = ['ops@example.org']
[[notify]]
name = 'url'
kind = 'email'
server = 'smtps://mail.example.org'
from = 'trailql@example.org'
to = ['ops@example.org']
"""
QUERY = """-- name: {name}
-- title: {title}
-- severity: {severity}
-- expect: no rows

SELECT eventid, useragent FROM cloudtrail_logs WHERE eventname = '{call}'
"""


class Web(http.server.BaseHTTPRequestHandler):
    """Takes anything and remembers it by path; some paths answer as busy or refusing servers do."""

    seen = collections.defaultdict(list)
    answers = {"/busy": [503, 429]}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen[self.path].append((self.headers, body))
        waiting = self.answers.get(self.path)
        self.send_response(403 if "refusing" in self.path else waiting.pop(0) if waiting else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Mailbox:
    """Keeps what an SMTP server takes."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 kept"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def mail_server(**options):
    mailbox = Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    server.start()
    return mailbox, server


def server_tls(folder):
    """TLS for a server at localhost, and the file that vouches for it."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2",
               "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
               "-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


def check_login(server, session, envelope, mechanism, data):
    # Not handled: the server itself refuses.
    return AuthResult(success=(data.login, data.password) == (USER.encode(), WORD.encode()), handled=False)


class Topic:
    """A topic of SNS, and a queue that gets its messages."""

    def __init__(self, endpoint):
        options = {"endpoint_url": endpoint, "region_name": "us-east-1", "aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        sns, self.sqs = boto3.client("sns", **options), boto3.client("sqs", **options)
        self.arn = sns.create_topic(Name="ops")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="ops")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=self.arn, Protocol="sqs", Endpoint=arn)

    def take(self):
        """The messages that came since the last look."""
        messages = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]


class Trailql:
    """The program in a folder with two log files, one of them broken, and three assertions."""

    def __init__(self, program, folder, config, environment):
        self.program, self.folder = program, folder
        self.environment = {**os.environ, **environment}
        (folder / "trailql.toml").write_text(config)
        (folder / "logs").mkdir()
        event = {"eventVersion": "1.08", "eventID": "e-1", "eventTime": "2024-03-01T00:00:00Z", "eventName": "A",
                 "eventSource": "ec2.amazonaws.com", "awsRegion": "us-east-1", "userAgent": "<!channel> Ü"}
        (folder / "logs/good.json").write_text(json.dumps({"Records": [event]}))
        (folder / "logs/bad.json").write_text('{"Records":[')
        for name, title, severity, call in [("held", "Never", "critical", "B"), ("violated", "<!here> & Zürich", "high", "A")]:
            (folder / f"{name}.sql").write_text(QUERY.format(name=name, title=title, severity=severity, call=call))

    def run(self, expected, *arguments, notify):
        command = [self.program, "--quiet", *arguments, *(word for name in notify for word in ("--notify", name))]
        done = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)
        assert done.returncode == expected, (command, done.returncode, done.stderr)
        return done.stderr


def check_messages(trailql, topic, mailboxes):
    """Everybody hears of an ingest, a report and a violated assertion in the words of their own."""
    everybody = ["hook", "critical", "slack", "topic", "mail", "login", "implicit", "program"]
    trailql.run(1, "ingest", "logs", notify=everybody)
    trailql.run(0, "report", "run", "held.sql", "violated.sql", "--format", "html", "-o", "report.html", notify=everybody)
    trailql.run(1, "assert", "held.sql", "violated.sql", notify=everybody)
    trailql.run(0, "assert", "held.sql", notify=everybody)
    bodies = []
    for headers, body in Web.seen["/hook"]:
        stamp = headers["X-Trailql-Timestamp"].encode()
        signature = hmac.new(KEY.encode(), stamp + b"." + body, hashlib.sha256).hexdigest()
        assert hmac.compare_digest(headers["X-Trailql-Signature"], f"sha256={signature}"), headers
        bodies.append(json.loads(body))
    said = [(body["job"], body["outcome"], body["level"]) for body in bodies]
    assert said == [("ingest", "problem", "high"), ("report", "problem", "high"), ("assert", "problem", "high"), ("assert", "ok", "info")], said
    assert bodies[0]["details"]["files_failed"] == 1 and "bad.json" in bodies[0]["text"], bodies[0]
    assert bodies[2]["details"]["violated"] == [{"query": "violated", "severity": "high", "findings": 1}], bodies[2]
    assert Web.seen["/critical"] == []
    texts = [json.loads(body)["text"] for _, body in Web.seen["/slack"]]
    assert len(texts) == 3 and texts[2].startswith("*high* assert problem: "), texts
    assert "&lt;!here&gt; &amp; Zürich" in texts[2] and "<!" not in "".join(texts), texts
    notices = topic.take()
    assert len(notices) == 3 and all(notice["Subject"].isascii() for notice in notices), notices
    assert any("Zürich" in notice["Message"] for notice in notices), notices
    for mailbox, people in zip(mailboxes, [["ops@example.org", "audit@example.org"], ["ops@example.org"], ["ops@example.org"]]):
        assert [to for to, _ in mailbox.mails] == [people] * 3, mailbox.mails
        mail = mailbox.mails[2][1]
        assert mail["Subject"].startswith("trailql assert: ") and "Zürich" in mail.get_content(), mail
    told = (trailql.folder / "told").read_text()
    assert told.count('"job":"assert"') == 1 and told.count('"job":"ingest"') == 1, told
    print("webhook, Slack, SNS, mail and command were told")


def check_once(trailql, topic, mails):
    """The same is told once within the window, by whichever process."""
    before = len(Web.seen["/hook"]), len(mails.mails)
    trailql.run(1, "assert", "held.sql", "violated.sql", notify=["hook", "topic", "mail"])
    assert (len(Web.seen["/hook"]), len(mails.mails)) == before and topic.take() == []
    print("the same was told once")


def check_failures(trailql):
    """Who is busy is asked again; who cannot be told is named, without the address, and shows in the exit code."""
    trailql.run(0, "assert", "held.sql", notify=["busy"])
    assert len(Web.seen["/busy"]) == 3, Web.seen["/busy"]
    for name, part in [("refusing", "it answered 403"), ("absent", "notification absent was not sent")]:
        said = trailql.run(2, "assert", "held.sql", notify=[name, "slack"])
        assert part in said and "secret" not in said, said
        trailql.run(1, "report", "run", "held.sql", "--format", "json", "-o", "report.json", notify=[name])
    assert len(Web.seen["/refusing/secret"]) == 2, "a refusal is final"
    trailql.environment["MAIL_WORD"] = "wrong"
    said = trailql.run(2, "assert", "held.sql", "--lake", "none", notify=["login"])
    assert "notification login was not sent" in said and "wrong" not in said, said
    said = trailql.run(2, "assert", "held.sql", "--lake", "none", notify=["open"])
    assert "notification open was not sent" in said and "STARTTLS" in said, said
    del trailql.environment["SSL_CERT_FILE"]
    said = trailql.run(2, "assert", "held.sql", "--lake", "none", notify=["implicit"])
    assert "notification implicit was not sent" in said and "certificate" in said, said
    said = trailql.run(2, "ingest", "logs", notify=["url"])
    assert "is not HOST or HOST:PORT" in said and "tls = 'implicit'" in said, said
    print("who was busy, refused or was not there is named")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trailql", required=True)
    program = str(Path(parser.parse_args().trailql).resolve())
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    endpoint = "http://{}:{}".format(*moto.get_host_and_port())
    topic = Topic(endpoint)
    with tempfile.TemporaryDirectory() as folder:
        context, certificate = server_tls(Path(folder))
        servers = [mail_server(), mail_server(authenticator=check_login, auth_required=True, tls_context=context, require_starttls=True),
                   mail_server(ssl_context=context)]
        mailboxes, (smtp, smtp_login, smtp_implicit) = zip(*servers)
        address = f"http://127.0.0.1:{web.server_port}"
        config = CONFIG.format(web=address, topic=topic.arn, smtp=smtp.port, smtp_login=smtp_login.port,
                               smtp_implicit=smtp_implicit.port, nobody=free_port())
        environment = {"HOOK_KEY": KEY, "SLACK_URL": f"{address}/slack", "MAIL_USER": USER, "MAIL_WORD": WORD,
                       "SSL_CERT_FILE": str(certificate), "AWS_ENDPOINT_URL_SNS": endpoint,
                       "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        trailql = Trailql(program, Path(folder), config, environment)
        check_messages(trailql, topic, mailboxes)
        check_once(trailql, topic, mailboxes[0])
        check_failures(trailql)
    for server in (smtp, smtp_login, smtp_implicit, moto):
        server.stop()


if __name__ == "__main__":
    main()
