//! Events made for a test: what it says about them, over an ordinary event.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::json::ReaderBuilder;
use arrow::util::display::array_value_to_string;
use chrono::{DateTime, Utc};
use datafusion::datasource::MemTable;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use trailql_lake::{digest_proof_schema, log_proof_schema};
use trailql_report::{Baseline, Query, ReportedQuery, Runner, RunnerOptions, Source, Window};
use trailql_sql::{DIGESTS_TABLE, INTEGRITY_TABLE, Session, SessionOptions};
use trailql_store::Stores;
use trailql_table::RawTable;

/// A session over log files, which stay as long as it does.
pub(crate) struct Place {
    pub(crate) session: Session,
    _folder: TempDir,
}

/// Rows about the integrity of log files, as members by column.
#[derive(Default, serde::Deserialize)]
pub(crate) struct Proofs {
    #[serde(default)]
    cloudtrail_integrity: Vec<Value>,
    #[serde(default)]
    cloudtrail_digests: Vec<Value>,
}

/// A time that every test takes for now.
pub(crate) fn now() -> DateTime<Utc> {
    "2024-03-08T00:00:00Z".parse().unwrap()
}

/// An event with these members over those of an ordinary one; `$repeat` makes several.
pub(crate) fn events(members: &[Value]) -> Vec<Value> {
    let mut events = Vec::new();
    for overrides in members {
        let overrides = overrides.as_object().unwrap();
        let repeat = overrides.get("$repeat").and_then(Value::as_u64).unwrap_or(1);
        for _ in 0..repeat {
            let mut event = ordinary(events.len());
            event.extend(overrides.iter().filter(|(key, _)| *key != "$repeat").map(|(k, v)| (k.clone(), v.clone())));
            events.push(Value::Object(event));
        }
    }
    events
}

fn ordinary(number: usize) -> Map<String, Value> {
    let event = json!({
        "eventVersion": "1.08",
        "eventID": format!("00000000-0000-4000-8000-{number:012}"),
        "requestID": format!("r-{number}"),
        "eventTime": "2024-03-01T10:00:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2.15",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDAALICE", "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333", "accessKeyId": "AKIAALICE", "userName": "alice"
        },
        "requestParameters": null,
        "responseElements": null,
        "readOnly": true,
        "managementEvent": true,
        "eventType": "AwsApiCall",
        "eventCategory": "Management",
        "recipientAccountId": "111122223333",
    });
    event.as_object().unwrap().clone()
}

impl Place {
    /// A session over these events.
    pub(crate) async fn of(members: &[Value]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = json!({"Records": events(members)});
        std::fs::write(folder.path().join("log.json"), log.to_string()).unwrap();
        let session = session(folder.path(), Window::default()).await;
        Self { session, _folder: folder }
    }

    /// The same, with what a lake has on record about them; `$log` is the log file.
    pub(crate) async fn with_proofs(members: &[Value], proofs: &Proofs) -> Self {
        let place = Self::of(members).await;
        let context = place.session.context();
        let files =
            context.sql("SELECT DISTINCT sourcefile FROM cloudtrail_logs").await.unwrap().collect().await.unwrap();
        let log = array_value_to_string(files[0].column(0), 0).unwrap();
        for (name, schema, rows) in [
            (INTEGRITY_TABLE, log_proof_schema(), &proofs.cloudtrail_integrity),
            (DIGESTS_TABLE, digest_proof_schema(), &proofs.cloudtrail_digests),
        ] {
            let lines: String = rows.iter().map(|row| row.to_string().replace("$log", &log) + "\n").collect();
            let batches: Result<Vec<_>, _> =
                ReaderBuilder::new(Arc::clone(&schema)).build(lines.as_bytes()).unwrap().collect();
            let table = MemTable::try_new(schema, vec![batches.unwrap()]).unwrap();
            context.deregister_table(name).unwrap();
            context.register_table(name, Arc::new(table)).unwrap();
        }
        place
    }

    /// The events within `window` alone.
    pub(crate) async fn within(members: &[Value], window: Window) -> Self {
        let mut place = Self::of(members).await;
        place.session = session(place._folder.path(), window).await;
        place
    }

    pub(crate) async fn run(&self, query: &Query, params: &BTreeMap<String, String>) -> ReportedQuery {
        self.run_with(query, params, &Baseline::default(), options()).await
    }

    pub(crate) async fn run_with(
        &self,
        query: &Query,
        params: &BTreeMap<String, String>,
        baseline: &Baseline,
        options: RunnerOptions,
    ) -> ReportedQuery {
        Runner::try_new(&self.session, baseline, options).await.unwrap().run(query, params).await.unwrap()
    }
}

pub(crate) fn options() -> RunnerOptions {
    RunnerOptions { row_limit: 1000, now: now(), asserting: false, allow_empty: false }
}

pub(crate) fn source(events: u64) -> Source {
    Source { location: "logs".to_owned(), lake_version: None, events }
}

/// A session over the log files below `folder`.
pub(crate) async fn session(folder: &Path, window: Window) -> Session {
    let session = Session::try_new(&SessionOptions::default()).unwrap();
    let table = RawTable::open(&Stores::default(), &[folder.to_str().unwrap().to_owned()]).await.unwrap();
    session.set_logs(window.narrow(Arc::new(table)).unwrap()).await.unwrap();
    session.set_proofs(None).unwrap();
    session
}
