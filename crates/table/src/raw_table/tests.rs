#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::{SessionConfig, SessionContext};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use trailql_store::Stores;

use crate::raw_table::RawTable;
use crate::raw_warnings::RawWarning;
use crate::test_predicates::predicate;

const ACCOUNT: &str = "111122223333";

fn event(id: &str, region: &str, time: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.08","eventTime":"{time}","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"{region}","eventID":"{id}","requestParameters":{{"bucketName":"b"}},"responseElements":null,"recipientAccountId":"{ACCOUNT}","userIdentity":{{"type":"IAMUser","accountId":"444455556666"}}}}"#
    )
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn write(folder: &Path, name: &str, events: &[String]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, gzip(&format!(r#"{{"Records":[{}]}}"#, events.join(",")))).unwrap();
}

/// Two regions, three days.
fn bucket() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for region in ["eu-west-1", "us-east-1"] {
        for day in 1..=3 {
            let name = format!("AWSLogs/o-1/{ACCOUNT}/CloudTrail/{region}/2024/03/0{day}/f.json.gz");
            let events =
                [1, 2].map(|n| event(&format!("{region}-{day}-{n}"), region, &format!("2024-03-0{day}T0{n}:00:00Z")));
            write(folder.path(), &name, &events);
        }
    }
    folder
}

async fn open(folder: &Path) -> (SessionContext, Arc<RawTable>) {
    let table = Arc::new(RawTable::open(&Stores::default(), &[folder.to_str().unwrap().to_owned()]).await.unwrap());
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    context.register_table("cloudtrail_raw", Arc::clone(&table) as _).unwrap();
    (context, table)
}

async fn run(session: &SessionContext, sql: &str) -> String {
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

async fn scan_line(session: &SessionContext, filter: &str) -> String {
    let text = run(session, &format!("EXPLAIN FORMAT INDENT SELECT eventid FROM cloudtrail_raw WHERE {filter}")).await;
    let line = text.lines().find(|line| line.contains("RawScanExec"));
    line.unwrap_or_else(|| panic!("no scan in {text}")).trim_matches(['|', ' ']).to_owned()
}

#[tokio::test]
async fn reads_every_column_of_log_files() {
    let folder = bucket();
    let (session, table) = open(folder.path()).await;
    let sql = "SELECT eventid, region, date, day, account, useridentity.accountid, \
               regexp_replace(\"$path\", '.*/AWSLogs', '') AS path FROM cloudtrail_raw \
               WHERE eventtime >= '2024-03-03T02:00:00Z' ORDER BY eventid";
    let text = run(&session, sql).await;
    assert_eq!(text.lines().count(), 4 + 2, "{text}");
    for part in [
        "| eu-west-1-3-2 | eu-west-1 | 2024-03-03 | 03  | 111122223333 | 444455556666",
        "/o-1/111122223333/CloudTrail/us-east-1/2024/03/03/f.json.gz",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let json = run(&session, "SELECT eventjson FROM cloudtrail_raw WHERE eventid = 'us-east-1-1-1'").await;
    let row = json.lines().nth(3).unwrap().trim_matches(['|', ' ']);
    let source = event("us-east-1-1-1", "us-east-1", "2024-03-01T01:00:00Z");
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(row), parse(&source));
    assert_eq!(table.warnings().take(), []);
}

#[tokio::test]
async fn keys_prune_files() {
    let folder = bucket();
    write(folder.path(), "loose.json.gz", &[event("loose", "eu-west-1", "2023-01-01T00:00:00Z")]);
    let (session, _) = open(folder.path()).await;
    for (filter, kept) in [
        // Events of global services may be in any folder, so us-east-1 may be, too.
        ("region = 'eu-west-1'", "4/7"),
        ("region = 'us-east-1'", "7/7"),
        ("awsregion = 'eu-west-1'", "4/7"),
        ("awsregion IN ('eu-west-1', 'eu-west-2') AND eventname = 'x'", "4/7"),
        ("region = 'ap-south-1'", "1/7"),
        ("eventtime >= '2024-03-04T00:00:00Z'", "3/7"),
        ("eventtime < '2024-01-30T00:00:00Z'", "3/7"),
        ("eventtime < '2024-01-29T00:00:00Z'", "1/7"),
        ("year = '2025'", "1/7"),
        ("timestamp = '2024/03/04' AND region = 'eu-west-1'", "2/7"),
        ("date IS NULL", "7/7"),
        // Logs may have been anonymised after delivery, so the account of the folder proves nothing.
        ("account = '444455556666'", "7/7"),
        ("recipientaccountid IN ('1', '2')", "7/7"),
        ("useridentity.accountid = '1'", "7/7"),
        ("\"$path\" LIKE '/no/such/%'", "0/7"),
        ("eventname = 'x'", "7/7"),
    ] {
        let line = scan_line(&session, filter).await;
        assert!(line.starts_with(&format!("RawScanExec: files={kept}, projection=[")), "{filter}: {line}");
    }
}

#[tokio::test]
async fn late_events_and_global_regions_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let late = event("late", "us-east-1", "2024-03-01T00:00:00Z");
    let untimed = event("untimed", "", "no time");
    write(folder.path(), &format!("AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2024/03/31/f.json.gz"), &[late, untimed]);
    let (session, table) = open(folder.path()).await;
    for (filter, id) in [
        ("region = 'us-east-1' AND day = '01'", "late"),
        ("eventtime < '2024-03-02T00:00:00Z'", "late"),
        ("region = 'unknown' AND year IS NULL", "untimed"),
        ("eventtime IS NULL", "untimed"),
    ] {
        let text = run(&session, &format!("SELECT eventid FROM cloudtrail_raw WHERE {filter}")).await;
        assert!(text.contains(id), "{filter}: {text}");
    }
    let warnings = table.warnings().take();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].reason, "1 events without a readable time (their eventtime is NULL)");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_warning() {
    let folder = bucket();
    let good = gzip(&format!(r#"{{"Records":[{},17]}}"#, event("kept", "eu-west-1", "2024-03-01T00:00:00Z")));
    fs::write(folder.path().join("reject.json.gz"), good).unwrap();
    fs::write(folder.path().join("text.json"), "not JSON").unwrap();
    let whole = fs::read(folder.path().join("reject.json.gz")).unwrap();
    fs::write(folder.path().join("torn.json.gz"), &whole[..whole.len() / 2]).unwrap();
    let (session, table) = open(folder.path()).await;
    let text = run(&session, "SELECT count(*) AS n FROM cloudtrail_raw").await;
    assert!(text.contains("| 13 |"), "{text}");
    let warnings = table.warnings().take();
    let reason = |name: &str| -> &str {
        warnings.iter().find(|RawWarning { file, .. }| file.ends_with(name)).map_or("", |warning| &warning.reason)
    };
    assert_eq!(warnings.len(), 3, "{warnings:?}");
    assert!(reason("reject.json.gz").starts_with("1 of 2 records are no events: record 2"), "{warnings:?}");
    assert!(reason("text.json").contains("not JSON"), "{warnings:?}");
    assert!(reason("torn.json.gz").contains("gzip"), "{warnings:?}");
    assert!(table.warnings().take().is_empty());
}

#[tokio::test]
async fn digests_and_a_limit() {
    let folder = bucket();
    write(folder.path(), &format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest/eu-west-1/2024/03/01/d.json.gz"), &[]);
    let (session, table) = open(folder.path()).await;
    assert!(scan_line(&session, "true").await.contains("files=6/7"));
    let limited = run(&session, "SELECT eventid FROM cloudtrail_raw LIMIT 3").await;
    assert_eq!(limited.lines().count(), 4 + 3);
    assert_eq!(table.file_count(), 7);
    assert!(RawTable::open(&Stores::default(), &["/no/such/place".to_owned()]).await.is_err());
}

/// Days late, name, from a global service, `readOnly`.
type MadeEvent = (i64, &'static str, bool, bool);

/// Some files below `AWSLogs`, each with events that CloudTrail could have delivered there.
fn delivered() -> impl Strategy<Value = Vec<(String, Vec<String>)>> {
    let region = prop::sample::select(vec!["us-east-1", "eu-west-1"]);
    let account = prop::sample::select(vec!["a", "b"]);
    let made = (0_i64..31, prop::sample::select(vec!["a", "b", "c", ""]), any::<bool>(), any::<bool>());
    let file = (account, region, 1_u32..29, prop::collection::vec(made, 0..4));
    prop::collection::vec(file, 1..6).prop_map(|files| {
        let file = |(index, (account, region, day, events)): (usize, (&str, &str, u32, Vec<MadeEvent>))| {
            let delivery = chrono::NaiveDate::from_ymd_opt(2024, 3, day).unwrap();
            let event = |(late, name, global, flag): MadeEvent| {
                let time = delivery - chrono::Duration::days(late);
                let region = if global { "us-east-1" } else { region };
                format!(
                    r#"{{"eventVersion":"1.08","eventTime":"{time}T10:00:00Z","eventName":"{name}","eventID":"{name}{late}","awsRegion":"{region}","readOnly":{flag},"recipientAccountId":"{account}","userIdentity":{{"arn":"{name}","accountId":"c"}}}}"#
                )
            };
            let path = format!("AWSLogs/{account}/CloudTrail/{region}/2024/03/{day:02}/{index}.json.gz");
            (path, events.into_iter().map(event).collect())
        };
        files.into_iter().enumerate().map(file).collect()
    })
}

async fn check(files: Vec<(String, Vec<String>)>, predicates: Vec<String>) {
    let (keyed, flat) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (index, (path, events)) in files.iter().enumerate() {
        write(keyed.path(), path, events);
        write(flat.path(), &format!("{index}.json.gz"), events);
    }
    let ((pruned, _), (full, _)) = (open(keyed.path()).await, open(flat.path()).await);
    for predicate in predicates.iter().filter(|predicate| !predicate.contains("$path")) {
        let sql = format!(
            "SELECT eventid, eventname, account, region, date, eventtime FROM cloudtrail_raw WHERE {predicate} ORDER BY 1, 2, 3, 4, 5"
        );
        assert_eq!(run(&pruned, &sql).await, run(&full, &sql).await, "{predicate}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn pruned_equals_full_for_random_predicates(
        files in delivered(),
        predicates in prop::collection::vec(predicate(), 4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(files, predicates));
    }
}
