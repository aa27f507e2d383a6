//! Credentials that expire in the middle of a run, as the server sees it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::fault_proxy::{Fault, FaultProxy, Seen};
use crate::s3::{account, ingest, rows};
use crate::s3_server::{Bucket, bucket_or_skip, on_each_server};
use crate::support::{Place, outcome, text, wide_records};

on_each_server!(credentials_that_expire_end_the_run_and_what_was_committed_stays);

/// Log files in a bucket that make several commits, and the lake that they make undisturbed.
fn logs(bucket: &Bucket) -> Place {
    let clean = Place::new();
    for file in 0..30 {
        clean.log(&format!("{file:03}.json"), wide_records(file * 40, 60, 2000));
    }
    clean.ingest();
    bucket.put_logs(&clean, "logs/");
    clean
}

fn credentials_that_expire_end_the_run_and_what_was_committed_stays(bucket: Bucket) {
    let clean = logs(&bucket);
    let whole = clean.rows();
    for (status, commits_before) in [(400, 1), (400, 2), (403, 3)] {
        let mut commits = 0;
        let proxy = FaultProxy::start(bucket.address, move |seen| {
            if commits > commits_before {
                return Fault::Refuse(status, "ExpiredToken");
            }
            commits += usize::from(seen.is_commit());
            Fault::None
        });
        let near = bucket.through(proxy.address);
        let (place, lake) = (Place::new(), bucket.url(&format!("lake-{commits_before}")));
        let mut command = place.trailql_on(&near);
        command.args(["--lake", &lake, "ingest", "-q", "--batch-bytes", "40000", &bucket.url("logs/")]);
        let (code, message) = outcome(&command.output().unwrap());
        assert_eq!(code, 1, "{message}");
        assert!(message.contains("the credentials do not serve (ExpiredToken"), "{message}");
        assert!(message.contains("hint: ") && message.contains("temporary ones may have expired"), "{message}");
        let committed = rows(&place, &bucket, &lake);
        assert!(!committed.is_empty() && committed.len() < whole.len(), "{} rows", committed.len());
        assert!(committed.iter().all(|row| whole.binary_search(row).is_ok()), "a row that no event stands for");
        let account = ingest(&place, &bucket, &["--lake", &lake, &bucket.url("logs/")]);
        assert_eq!(account["kept"].as_u64(), Some((whole.len() - committed.len()) as u64));
        assert_eq!(rows(&place, &bucket, &lake), whole);
    }
}

/// Requests that the server takes with one key; then the key has expired.
const REQUESTS_PER_KEY: usize = 25;

/// The key that signed a request, in lower case.
fn key_of(seen: &Seen) -> &str {
    seen.head.split("credential=").nth(1).and_then(|rest| rest.split('/').next()).unwrap()
}

/// Hands out another key each time it is asked, as the credentials endpoint of a container does.
fn serve_credentials() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let mut client = client.unwrap();
            let head = BufReader::new(client.try_clone().unwrap());
            head.lines().take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
            // They seem to last for an hour, and do not.
            let expiry = (chrono::Utc::now() + chrono::TimeDelta::hours(1)).format("%Y-%m-%dT%H:%M:%SZ");
            let body = format!(
                r#"{{"AccessKeyId":"KEY{number}","SecretAccessKey":"secret","Token":"token","Expiration":"{expiry}"}}"#
            );
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
            client.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn credentials_that_can_be_renewed_are_and_the_run_goes_on() {
    let bucket = bucket_or_skip!(moto);
    let clean = logs(&bucket);
    let mut asked = HashMap::new();
    let proxy = FaultProxy::start(bucket.address, move |seen| {
        let requests: &mut usize = asked.entry(key_of(seen).to_owned()).or_default();
        *requests += 1;
        if *requests > REQUESTS_PER_KEY { Fault::Refuse(400, "ExpiredToken") } else { Fault::None }
    });
    let near = bucket.through(proxy.address);
    let (place, lake, credentials) = (Place::new(), bucket.url("lake"), serve_credentials());
    let renewing = || {
        let mut command = place.trailql_on(&near);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{credentials}/"));
        command.args(["--lake", &lake]);
        command
    };
    let args = ["ingest", "--json", "-q", "--batch-bytes", "40000", &bucket.url("logs/")];
    let got = account(renewing().args(args));
    assert_eq!(got["kept"].as_u64(), Some(clean.rows().len() as u64), "{got}");
    assert_eq!(rows(&place, &bucket, &lake), clean.rows());
    let (code, message) = outcome(&renewing().args(["lake", "optimize", "-q"]).output().unwrap());
    assert_eq!(code, 0, "{message}");
    assert_eq!(rows(&place, &bucket, &lake), clean.rows());
    let keys: std::collections::HashSet<String> = proxy.seen().iter().map(|seen| key_of(seen).to_owned()).collect();
    assert!(keys.len() > 4, "{keys:?}");
    let output = renewing().args(["sql", "-c", "SELECT count(*) FROM cloudtrail_logs"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
