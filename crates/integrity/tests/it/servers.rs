//! Real servers on loopback: S3 by `moto_server`, and CloudTrail's `ListPublicKeys`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use serde_json::{Value, json};
use trailql_integrity::{OpenBucket, PublicKey};

use crate::maker::{REGION, World};
use crate::runner::put;

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// An S3 server; ends with its value.
#[derive(Debug)]
pub(crate) struct S3Server {
    address: SocketAddr,
    process: Child,
}

impl S3Server {
    /// Starts one; `None` where `moto_server` is not installed.
    pub(crate) fn start() -> Option<Self> {
        // Free now, and handed out by the system to others last.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new("moto_server");
        command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let server = Self { address, process };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "moto_server does not listen");
            std::thread::yield_now();
        }
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes the server hold the buckets of `world` and nothing else.
    pub(crate) async fn fill(&self, world: &World) {
        self.request("POST", "/moto-api/reset");
        let buckets: std::collections::BTreeSet<_> = world.objects.keys().map(|(bucket, _)| bucket).collect();
        for bucket in buckets {
            self.request("PUT", &format!("/{bucket}"));
        }
        for ((bucket, key), object) in &world.objects {
            put(&self.store(bucket), key, object.bytes.clone(), &object.metadata).await;
        }
    }

    fn store(&self, bucket: &str) -> object_store::aws::AmazonS3 {
        AmazonS3Builder::new()
            .with_endpoint(self.url())
            .with_allow_http(true)
            .with_region(REGION)
            .with_bucket_name(bucket)
            .with_access_key_id("test")
            .with_secret_access_key("test")
            .build()
            .unwrap()
    }

    fn request(&self, method: &str, path: &str) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let host = self.address;
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
    }
}

#[async_trait::async_trait]
impl OpenBucket for S3Server {
    async fn open(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Arc::new(self.store(bucket)))
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Answers `ListPublicKeys` with the keys that were valid in the time asked for.
pub(crate) struct KeyServer {
    address: SocketAddr,
    keys: Arc<Mutex<Vec<PublicKey>>>,
}

impl KeyServer {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let keys = Arc::new(Mutex::new(Vec::new()));
        let held = Arc::clone(&keys);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A caller that goes away in between asks again.
                let _ = answer(stream, &held.lock().unwrap());
            }
        });
        Self { address, keys }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn hold(&self, keys: &[PublicKey]) {
        *self.keys.lock().unwrap() = keys.to_vec();
    }
}

fn answer(mut stream: TcpStream, keys: &[PublicKey]) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let time = |name: &str| asked[name].as_f64().unwrap() as i64;
    let in_time = |key: &&PublicKey| {
        key.valid_from.is_none_or(|from| from.timestamp() <= time("EndTime"))
            && key.valid_until.is_none_or(|until| until.timestamp() >= time("StartTime"))
    };
    let list: Vec<_> = keys.iter().filter(in_time).map(key_json).collect();
    let text = json!({ "PublicKeyList": list }).to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{text}", text.len())
}

fn key_json(key: &PublicKey) -> Value {
    let time = |time: Option<chrono::DateTime<chrono::Utc>>| time.map(|time| time.timestamp());
    json!({
        "Value": STANDARD.encode(&key.value), "Fingerprint": key.fingerprint,
        "ValidityStartTime": time(key.valid_from), "ValidityEndTime": time(key.valid_until),
    })
}
