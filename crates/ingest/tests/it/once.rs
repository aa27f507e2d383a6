//! Nothing doubled: one event ID, one row.

use std::io::Write;

use crate::support::{Place, lake_events, options};

fn event(id: &str, more: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.08","eventID":"{id}","eventTime":"2024-03-01T10:00:00Z","awsRegion":"us-east-1"{more}}}"#
    )
}

fn records(events: &[String]) -> String {
    format!("{{\"Records\":[{}]}}", events.join(","))
}

#[tokio::test]
async fn the_same_event_in_several_files_runs_and_spellings_is_one_row() {
    let place = Place::new();
    let compact = event("1", r#","eventName":"A""#);
    let spaced = compact.replace(',', " , ");
    let reordered = r#"{"eventName":"A","awsRegion":"us-east-1","eventTime":"2024-03-01T10:00:00Z","eventID":"1","eventVersion":"1.08"}"#;
    let first = place.log("1.json", records(&[compact.clone(), compact.clone()]));
    let second = place.log("2.json", records(&[spaced, reordered.to_owned()]));
    let summary = place.ingest(&[&first]).await;
    assert_eq!((summary.kept, summary.duplicates), (1, 1));
    let summary = place.ingest(&[&first, &second]).await;
    assert_eq!((summary.files.known, summary.kept, summary.duplicates, summary.conflicts), (1, 0, 2, 0));
    assert!(summary.is_clean());
    assert_eq!(place.events().await.len(), 1);
}

#[tokio::test]
async fn another_event_with_a_known_id_is_put_aside() {
    let place = Place::new();
    let first = place.log("1.json", records(&[event("1", r#","eventName":"A""#)]));
    // Another day and region, so that the conflict is not even in the same partition.
    let other = r#"{"eventVersion":"1.08","eventID":"1","eventTime":"2024-04-01T10:00:00Z","awsRegion":"eu-west-1"}"#;
    let second = place.log("2.json", records(&[other.to_owned()]));
    assert_eq!(place.ingest(&[&first]).await.kept, 1);
    let summary = place.ingest(&[&second]).await;
    assert_eq!((summary.kept, summary.rejected, summary.conflicts), (0, 1, 1));
    let kept_aside = place.rejected(&summary);
    assert_eq!(kept_aside[0]["kind"], "conflict");
    assert!(trailql_event::same_json(kept_aside[0]["text"].as_str().unwrap(), other));
    let events = place.events().await;
    assert_eq!(events.len(), 1);
    assert!(events[0].contains("\"A\""), "the first stays");
}

#[tokio::test]
async fn events_without_an_id_are_told_apart_by_content() {
    let place = Place::new();
    let event =
        |name: &str| format!(r#"{{"eventVersion":"1.0","eventName":"{name}","eventTime":"2014-03-06T21:22:54Z"}}"#);
    let log = place.log("1.json", records(&[event("A"), event("B"), event("A")]));
    let summary = place.ingest(&[&log]).await;
    assert_eq!((summary.kept, summary.duplicates), (2, 1));
}

#[tokio::test]
async fn many_small_batches_make_the_same_lake_as_one() {
    let (one, many) = (Place::new(), Place::new());
    let mut logs = Vec::new();
    for file in 0..40 {
        let events: Vec<_> = (0..50).map(|i| event(&format!("{}", (file * 37 + i * 11) % 900), "")).collect();
        logs.push(one.log(&format!("{file}.json"), records(&events)));
    }
    let sources: Vec<&str> = logs.iter().map(String::as_str).collect();
    let whole = one.ingest(&sources).await;
    let mut small = options(&sources);
    small.batch_bytes = 1;
    let batched = many.ingest_with(&small).await;
    assert_eq!((whole.kept, whole.duplicates), (batched.kept, batched.duplicates));
    assert!(batched.commits >= whole.commits);
    assert_eq!(one.events().await, many.events().await);
}

#[tokio::test]
async fn more_commits_than_the_ledger_keeps_apart() {
    let place = Place::new();
    for round in 0..40 {
        let log = place.log(&format!("{round}.json"), records(&[event(&round.to_string(), ""), event("0", "")]));
        let summary = place.ingest(&[&log]).await;
        assert_eq!((summary.kept, summary.duplicates), (1, 1), "round {round}");
    }
    let all = place.ingest(&[&format!("{}/../logs", place.lake())]).await;
    assert_eq!((all.files.known, all.read), (40, 0));
    assert_eq!(place.events().await.len(), 40);
    let ledger = std::fs::read_dir(format!("{}/_ledger", place.lake())).unwrap().count();
    assert!(ledger < 40, "merged segments are deleted; {ledger} files are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_at_once_make_the_same_lake_as_one() {
    let (alone, both) = (Place::new(), Place::new());
    let mut logs = Vec::new();
    for file in 0..30 {
        let events: Vec<_> = (0..20).map(|i| event(&format!("{}", file * 10 + i), "")).collect();
        logs.push(alone.log(&format!("{file}.json"), records(&events)));
    }
    let sources: Vec<&str> = logs.iter().map(String::as_str).collect();
    alone.ingest(&sources).await;
    let mut small = options(&sources);
    small.batch_bytes = 1;
    let (a, b) = tokio::join!(both.ingest_with(&small), both.ingest_with(&small));
    assert_eq!(a.kept + b.kept, 310);
    assert_eq!(alone.events().await, both.events().await);
}

#[tokio::test]
async fn a_changed_file_is_read_again_and_adds_what_is_new() {
    let place = Place::new();
    let log = place.log("1.json", records(&[event("1", "")]));
    assert_eq!(place.ingest(&[&log]).await.kept, 1);
    let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
    file.write_all(records(&[event("2", "")]).as_bytes()).unwrap();
    let summary = place.ingest(&[&log]).await;
    assert_eq!((summary.kept, summary.duplicates, summary.files.known), (1, 1, 0));
    assert_eq!(lake_events(&place.lake()).await.len(), 2);
}
