//! Real S3 servers for the tests, one process of each kind for the whole run.
//!
//! `moto_server` speaks SQS as well and believes any signature. MinIO is made for production, and checks signatures and
//! policies.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::signature::{Credentials, Unsigned};
use crate::support::Place;

/// A Python process on a busy machine takes its time to start.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// Name of the only key that MinIO's own key management has.
pub(crate) const KMS_KEY: &str = "lake";

/// A running server; its data is gone when the tests end.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    /// The server ends when the pipe into its keeper does, also if the tests are killed.
    _keeper: Child,
}

/// A bucket of its own for one test, reached directly or through a proxy.
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
}

/// Makes a test of each function that takes a bucket, for each server.
macro_rules! on_each_server {
    ($($test:ident),* $(,)?) => {
        mod moto {
            $(#[test] fn $test() { super::$test($crate::s3_server::bucket_or_skip!(moto)) })*
        }
        mod minio {
            $(#[test] fn $test() { super::$test($crate::s3_server::bucket_or_skip!(minio)) })*
        }
    };
}
pub(crate) use on_each_server;

/// A bucket for a test that needs a server, or the end of the test.
macro_rules! bucket_or_skip {
    ($server:ident) => {
        match $crate::s3_server::Server::$server() {
            Some(server) => server.bucket(),
            None => return,
        }
    };
}
pub(crate) use bucket_or_skip;

impl Server {
    /// The server, or `None`, said aloud, where it is not installed.
    pub(crate) fn moto() -> Option<&'static Self> {
        static MOTO: OnceLock<Option<Server>> = OnceLock::new();
        MOTO.get_or_init(|| Self::start_moto(&[], "http")).as_ref()
    }

    /// The same for MinIO, which has no usual place: `TRAILQL_MINIO` names the program.
    pub(crate) fn minio() -> Option<&'static Self> {
        static MINIO: OnceLock<Option<Server>> = OnceLock::new();
        MINIO.get_or_init(Self::start_minio).as_ref()
    }

    pub(crate) fn start_moto(options: &[&str], scheme: &'static str) -> Option<Self> {
        let program = std::env::var("TRAILQL_MOTO_SERVER").unwrap_or_else(|_| "moto_server".to_owned());
        if !runs(&program, "--help") {
            eprintln!(
                "SKIPPED: {program} is not installed (pip install 'moto[s3,server]', or set TRAILQL_MOTO_SERVER)"
            );
            return None;
        }
        Some(Self::start(scheme, |port, _| {
            let mut server = vec![program, "-H".to_owned(), "127.0.0.1".to_owned(), "-p".to_owned(), port.to_string()];
            server.extend(options.iter().map(|option| (*option).to_owned()));
            server
        }))
    }

    fn start_minio() -> Option<Self> {
        let program = std::env::var("TRAILQL_MINIO").unwrap_or_else(|_| "minio".to_owned());
        if !runs(&program, "--version") {
            eprintln!(
                "SKIPPED: {program} is not installed (go install github.com/minio/minio@latest, or set TRAILQL_MINIO)"
            );
            return None;
        }
        let server = Self::start("http", |port, data| {
            let owner = Credentials::default();
            let key = format!("{KMS_KEY}:{}=", "A".repeat(43));
            let settings = [
                ("MINIO_ROOT_USER", owner.key_id),
                ("MINIO_ROOT_PASSWORD", owner.secret),
                ("MINIO_KMS_SECRET_KEY", key),
                ("MINIO_BROWSER", "off".to_owned()),
                ("MINIO_UPDATE", "off".to_owned()),
            ];
            let settings = settings.map(|(name, value)| format!("{name}={value}"));
            let address = format!("127.0.0.1:{port}");
            let server = [program, "server".to_owned(), "--address".to_owned(), address, data.to_owned()];
            [&["env".to_owned()][..], &settings, &server].concat()
        });
        let probe = Bucket { name: "probe".to_owned(), address: server.address };
        wait_for("MinIO", || probe.request("PUT", "", b"").status == 200);
        Some(server)
    }

    /// Starts the program that `command` tells for a port and an empty folder.
    fn start(scheme: &'static str, command: impl FnOnce(u16, &str) -> Vec<String>) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let data = TempDir::new().unwrap().keep();
        let script = r#"data=$1; shift; "$@" > /dev/null 2>&1 & server=$!; cat > /dev/null
            kill $server; wait $server; rm -r "$data""#;
        let data = data.to_str().unwrap();
        let keeper = Command::new("sh")
            .args(["-c", script, "sh", data])
            .args(command(port, data))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        wait_for("the server", || TcpStream::connect(address).is_ok());
        Self { address, scheme, _keeper: keeper }
    }

    /// Makes a bucket that no other test uses.
    pub(crate) fn bucket(&self) -> Bucket {
        static BUCKETS: AtomicUsize = AtomicUsize::new(0);
        let bucket =
            Bucket { name: format!("bucket-{}", BUCKETS.fetch_add(1, Ordering::Relaxed)), address: self.address };
        assert_eq!(bucket.request("PUT", "", b"").status, 200);
        bucket
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }
}

fn runs(program: &str, option: &str) -> bool {
    let status = Command::new(program).arg(option).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn wait_for(server: &str, is_ready: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_ready() {
        assert!(start.elapsed() < START_DEADLINE, "{server} does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What the server answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Bucket {
    pub(crate) fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// The same bucket behind another address.
    pub(crate) fn through(&self, address: SocketAddr) -> Self {
        Self { name: self.name.clone(), address }
    }

    pub(crate) fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        assert_eq!(self.request("PUT", key, content.as_ref()).status, 200, "{key}");
    }

    /// Keys that begin with `prefix`.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        let query = format!("list-type=2&prefix={}", encoded(prefix, ""));
        let answer = self.ask("GET", "", &query, b"");
        let text = String::from_utf8(answer.body).unwrap();
        text.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
    }

    /// Copies the log files of a place, with their folders.
    pub(crate) fn put_logs(&self, place: &Place, prefix: &str) {
        let root = place.path("logs");
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                    self.put(&format!("{prefix}{name}"), std::fs::read(&path).unwrap());
                }
            }
        }
    }

    /// Copies what one folder holds into another.
    pub(crate) fn copy(&self, from: &str, to: &str) {
        for key in self.keys(from) {
            let content = self.request("GET", &key, b"").body;
            self.put(&format!("{to}{}", &key[from.len()..]), content);
        }
    }

    /// Puts an object with metadata, whose names are in order.
    pub(crate) fn put_with(&self, key: &str, metadata: &[(&str, &str)], content: &[u8]) {
        assert_eq!(self.ask_with("PUT", key, "", metadata, content).status, 200, "{key}");
    }

    /// One request for an object, or for the bucket where the key is empty.
    pub(crate) fn request(&self, method: &str, key: &str, body: &[u8]) -> Answer {
        self.ask(method, key, "", body)
    }

    /// A request to another service of the same server.
    pub(crate) fn call(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(&format!("POST {path}"), headers, body)
    }

    /// The same with a query of sorted parameters.
    pub(crate) fn ask(&self, method: &str, key: &str, query: &str, body: &[u8]) -> Answer {
        self.ask_with(method, key, query, &[], body)
    }

    fn ask_with(&self, method: &str, key: &str, query: &str, metadata: &[(&str, &str)], body: &[u8]) -> Answer {
        let path = format!("/{}/{}", self.name, encoded(key, "/"));
        let host = self.address.to_string();
        let unsigned = Unsigned { service: "s3", method, host: &host, path: &path, query, metadata, body };
        let signed = unsigned.sign(&Credentials::default());
        let metadata: Vec<_> = metadata.iter().map(|(name, value)| (format!("x-amz-meta-{name}"), *value)).collect();
        let mut headers: Vec<(&str, &str)> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.extend(metadata.iter().map(|(name, value)| (name.as_str(), *value)));
        self.send(&format!("{method} {path}?{query}"), &headers, body)
    }

    fn send(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let mut head = format!("{line} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: answer[end + 4..].to_vec() }
    }
}

/// A text as part of a URL; characters in `kept` stay as they are.
pub(crate) fn encoded(text: &str, kept: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.as_bytes().contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

impl Place {
    /// The binary with credentials for a server that speaks S3, and nothing else of AWS in its environment.
    pub(crate) fn trailql_s3(&self, endpoint: &str, credentials: &Credentials) -> Command {
        let mut command = self.trailql();
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        if let Some(token) = &credentials.token {
            command.env("AWS_SESSION_TOKEN", token);
        }
        command
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_ACCESS_KEY_ID", &credentials.key_id)
            .env("AWS_SECRET_ACCESS_KEY", &credentials.secret)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_CONFIG_FILE", "/nonexistent")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// The same for the server of a bucket, with its owner's credentials.
    pub(crate) fn trailql_on(&self, bucket: &Bucket) -> Command {
        self.trailql_s3(&format!("http://{}", bucket.address), &Credentials::default())
    }
}
