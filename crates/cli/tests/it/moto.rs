//! A real S3 server for the tests: one `moto_server` process for the whole run.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::support::Place;

/// A Python process on a busy machine takes its time to start.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// A running server; its data is gone when the tests end.
pub(crate) struct Moto {
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

/// The server, or `None`, said aloud, where it is not installed.
pub(crate) fn moto() -> Option<&'static Moto> {
    static MOTO: OnceLock<Option<Moto>> = OnceLock::new();
    MOTO.get_or_init(|| Moto::start(&[], "http")).as_ref()
}

/// Skips a test that needs the server.
macro_rules! bucket_or_skip {
    () => {
        match $crate::moto::moto() {
            Some(moto) => moto.bucket(),
            None => return,
        }
    };
}
pub(crate) use bucket_or_skip;

impl Moto {
    pub(crate) fn start(options: &[&str], scheme: &'static str) -> Option<Self> {
        let program = std::env::var("TRAILQL_MOTO_SERVER").unwrap_or_else(|_| "moto_server".to_owned());
        let found = Command::new(&program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            eprintln!(
                "SKIPPED: {program} is not installed (pip install 'moto[s3,server]', or set TRAILQL_MOTO_SERVER)"
            );
            return None;
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let script = r#""$@" > /dev/null 2>&1 & server=$!; cat > /dev/null; kill $server"#;
        let keeper = Command::new("sh")
            .args(["-c", script, "sh", &program, "-H", "127.0.0.1", "-p", &port.to_string()])
            .args(options)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(start.elapsed() < START_DEADLINE, "{program} does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self { address, scheme, _keeper: keeper })
    }

    /// Makes a bucket that no other test uses.
    pub(crate) fn bucket(&self) -> Bucket {
        static BUCKETS: AtomicUsize = AtomicUsize::new(0);
        let bucket =
            Bucket { name: format!("bucket-{}", BUCKETS.fetch_add(1, Ordering::Relaxed)), address: self.address };
        assert_eq!(bucket.request("PUT", "", &[], b"").status, 200);
        bucket
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
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
        assert_eq!(self.request("PUT", key, &[], content.as_ref()).status, 200, "{key}");
    }

    /// Keys that begin with `prefix`.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        let answer = self.request("GET", &format!("?list-type=2&prefix={prefix}"), &[], b"");
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

    /// One request; the server believes any signature.
    pub(crate) fn request(&self, method: &str, key: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let signed =
            "AWS4-HMAC-SHA256 Credential=key/20240101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let headers = [&[("authorization", signed)], headers].concat();
        self.send(&format!("{method} /{}/{}", self.name, encoded(key)), &headers, body)
    }

    /// A request to another service of the same server.
    pub(crate) fn call(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.send(&format!("POST {path}"), headers, body)
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

/// A key as part of a URL; a query stays one.
fn encoded(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/?=&".contains(&byte);
    key.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

impl Place {
    /// The binary with credentials for a server that speaks S3, and nothing else of AWS in its environment.
    pub(crate) fn trailql_s3(&self, endpoint: &str) -> Command {
        let mut command = self.trailql();
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            command.env_remove(name);
        }
        command
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_CONFIG_FILE", "/nonexistent")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// The same for the server of a bucket.
    pub(crate) fn trailql_on(&self, bucket: &Bucket) -> Command {
        self.trailql_s3(&format!("http://{}", bucket.address))
    }
}
