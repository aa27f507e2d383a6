//! A stand-in for CloudTrail on loopback, which has `ListPublicKeys` and nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use trailql_integrity::PublicKey;

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
