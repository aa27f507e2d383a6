//! The fetch against a server that speaks CloudTrail's `LookupEvents`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trailql_lookup::{FetchOptions, fetch};

/// An event history, newest first, and what it was asked.
#[derive(Default)]
struct History {
    events: Vec<(i64, String)>,
    requests: Vec<Value>,
    /// Requests to refuse as too many.
    throttle: usize,
}

impl History {
    fn answer(&mut self, request: &Value) -> (u16, Value) {
        self.requests.push(request.clone());
        if self.throttle > 0 {
            self.throttle -= 1;
            return (400, json!({"__type": "ThrottlingException", "message": "Rate exceeded"}));
        }
        if request["EventCategory"] == "insight" {
            return (200, json!({"Events": []}));
        }
        let (start, end) = (request["StartTime"].as_f64().unwrap() as i64, request["EndTime"].as_f64().unwrap() as i64);
        let skip: usize = request["NextToken"].as_str().map_or(0, |token| token.parse().unwrap());
        let found: Vec<_> = self.events.iter().filter(|(time, _)| (start..=end).contains(time)).collect();
        let page: Vec<Value> = found
            .iter()
            .skip(skip)
            .take(50)
            .map(|(time, id)| {
                let event = json!({"eventVersion": "1.08", "eventID": id, "eventName": "A"}).to_string();
                json!({"EventId": id, "EventTime": time, "CloudTrailEvent": event})
            })
            .collect();
        let next = (skip + 50 < found.len()).then(|| (skip + 50).to_string());
        (200, json!({"Events": page, "NextToken": next}))
    }
}

async fn serve(history: Arc<Mutex<History>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&history)));
        }
    });
    url
}

async fn answer(mut stream: TcpStream, history: Arc<Mutex<History>>) {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 8192];
        let got = stream.read(&mut chunk).await.unwrap_or(0);
        bytes.extend_from_slice(&chunk[..got]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
        if let Some(request) = body.and_then(|body| serde_json::from_str::<Value>(body).ok()) {
            let (status, answer) = history.lock().unwrap().answer(&request);
            let answer = answer.to_string();
            let head = format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
                answer.len()
            );
            stream.write_all((head + &answer).as_bytes()).await.unwrap();
            bytes.clear();
        }
        if got == 0 {
            return;
        }
    }
}

fn config(url: &str) -> SdkConfig {
    let credentials = Credentials::new("key", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// IDs of the events in all files below `folder`, sorted, with repetitions.
fn ids(folder: &Path) -> Vec<String> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            ids.extend(self::ids(&entry.path()));
            continue;
        }
        let mut text = String::new();
        flate2::read::GzDecoder::new(std::fs::File::open(entry.path()).unwrap()).read_to_string(&mut text).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        ids.extend(file["Records"].as_array().unwrap().iter().map(|e| e["eventID"].as_str().unwrap().to_owned()));
    }
    ids.sort();
    ids
}

fn options(folder: &Path, now: DateTime<Utc>) -> FetchOptions {
    let (since, until) = (now - TimeDelta::days(2), now - TimeDelta::hours(1));
    FetchOptions { regions: vec!["eu-west-1".to_owned()], since, until, folder: folder.to_owned() }
}

#[tokio::test]
async fn fetches_every_page_once_and_goes_on_where_it_was() {
    let now = Utc::now();
    let folder = tempfile::tempdir().unwrap();
    let history = Arc::new(Mutex::new(History::default()));
    let base = (now - TimeDelta::hours(5)).timestamp();
    history.lock().unwrap().events = (0..120).map(|n| (base - n / 7, format!("e{n:04}"))).collect();
    history.lock().unwrap().throttle = 1;
    let config = config(&serve(Arc::clone(&history)).await);

    let summary = fetch(&config, &options(folder.path(), now), &|_, _| {}).await.unwrap();
    assert_eq!((summary.events, summary.files), (120, 2), "one file of events, one of no Insights");
    let wanted: Vec<String> = (0..120).map(|n| format!("e{n:04}")).collect();
    assert_eq!(ids(folder.path()), wanted);
    assert_eq!(history.lock().unwrap().requests.len(), 5, "three pages, one of them twice, and one of Insights");

    let again = fetch(&config, &options(folder.path(), now), &|_, _| {}).await.unwrap();
    assert_eq!(again.requests, 0, "all of it is there");
    let mut later = options(folder.path(), now);
    later.until = now - TimeDelta::minutes(50);
    let later = fetch(&config, &later, &|_, _| {}).await.unwrap();
    assert_eq!((later.requests, later.events), (2, 0), "only the ten minutes that are new");
}

#[tokio::test]
async fn refusals_are_errors_that_name_the_region() {
    let folder = tempfile::tempdir().unwrap();
    let history = Arc::new(Mutex::new(History { throttle: 1000, ..History::default() }));
    let config = config(&serve(history).await);
    let error = fetch(&config, &options(folder.path(), Utc::now()), &|_, _| {}).await.unwrap_err().to_string();
    assert!(error.contains("eu-west-1") && error.contains("Rate exceeded"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
