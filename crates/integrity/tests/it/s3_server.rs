//! A real S3 server on loopback: `moto_server`, as on the path or as `TRAILQL_MOTO_SERVER` names it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use trailql_integrity::OpenBucket;

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
        let program = std::env::var("TRAILQL_MOTO_SERVER").unwrap_or_else(|_| "moto_server".to_owned());
        let mut command = Command::new(program);
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
