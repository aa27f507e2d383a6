//! What holds, what does not, and what nobody can say.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trailql_report::{Baseline, Query, ReportedQuery, RunnerOptions, Verdict, Window};

use crate::made_events::{Place, now, options};

fn query(header: &str, sql: &str) -> Query {
    Query::parse("audit/a.sql", &format!("-- name: a\n-- title: A\n{header}\n{sql}")).unwrap()
}

async fn verdict(events: &[Value], query: &Query) -> ReportedQuery {
    let options = RunnerOptions { asserting: true, ..options() };
    Place::of(events).await.run_with(query, &BTreeMap::new(), &Baseline::default(), options).await
}

fn is_unchecked(result: &ReportedQuery, part: &str) -> bool {
    matches!(&result.verdict, Verdict::Unchecked { reason } if reason.contains(part))
}

#[tokio::test]
async fn no_rows_hold_and_rows_violate() {
    let root = query("-- expect: no rows\n", "SELECT eventid FROM cloudtrail_logs WHERE eventname = 'Bad'");
    assert_eq!(verdict(&[json!({})], &root).await.verdict, Verdict::Held);
    let violated = verdict(&[json!({"eventName": "Bad"})], &root).await;
    assert_eq!((violated.verdict.clone(), violated.open_findings()), (Verdict::Violated, 1));
    let plain = Query::parse("audit/plain.sql", "SELECT eventid FROM cloudtrail_logs").unwrap();
    assert_eq!(verdict(&[json!({})], &plain).await.verdict, Verdict::Violated);
}

#[tokio::test]
async fn a_row_must_meet_its_condition() {
    let sql = "SELECT count(*) AS n, count(errorcode) AS errors FROM cloudtrail_logs";
    let few = query("-- expect: errors * 2 <= n AND n > 0\n", sql);
    assert_eq!(verdict(&[json!({})], &few).await.verdict, Verdict::Held);
    assert_eq!(verdict(&[json!({"errorCode": "X"})], &few).await.verdict, Verdict::Violated);
    let null = query("-- expect: worst = 'X'\n", "SELECT max(errorcode) AS worst FROM cloudtrail_logs");
    assert!(is_unchecked(&verdict(&[json!({})], &null).await, "NULL"));
    let many = query("-- expect: n = 0\n", "SELECT 1 AS n FROM cloudtrail_logs");
    assert!(is_unchecked(&verdict(&[json!({}), json!({})], &many).await, "returned 2"));
}

#[tokio::test]
async fn what_cannot_be_checked_does_not_hold() {
    let broken = query("-- expect: no rows\n", "SELECT evntid FROM cloudtrail_logs");
    assert!(is_unchecked(&verdict(&[json!({})], &broken).await, "did you mean 'eventid'"));
    let fine = query("-- expect: no rows\n", "SELECT eventid FROM cloudtrail_logs WHERE eventname = 'Bad'");
    assert!(is_unchecked(&verdict(&[], &fine).await, "no events"));
    let late = Window { since: Some(now()), until: None };
    let place = Place::within(&[json!({})], late).await;
    let asserting = RunnerOptions { asserting: true, ..options() };
    let result = place.run_with(&fine, &BTreeMap::new(), &Baseline::default(), asserting.clone()).await;
    assert!(is_unchecked(&result, "no events"));
    let allowed = RunnerOptions { allow_empty: true, ..asserting };
    let result = place.run_with(&fine, &BTreeMap::new(), &Baseline::default(), allowed).await;
    assert_eq!(result.verdict, Verdict::Held);
}

#[tokio::test]
async fn the_window_narrows_every_table_of_a_query() {
    let events = [json!({"eventTime": "2024-03-01T00:00:00Z"}), json!({"eventTime": "2024-03-02T00:00:00Z"})];
    let window = Window { since: Some("2024-03-01T12:00:00Z".parse().unwrap()), until: Some(now()) };
    let both =
        query("", "SELECT (SELECT count(*) FROM cloudtrail_logs) AS logs, count(*) AS view FROM management_events");
    let result = Place::within(&events, window).await.run(&both, &BTreeMap::new()).await;
    assert_eq!(result.rows, [[json!(1), json!(1)]], "{:?}", result.verdict);
}

#[tokio::test]
async fn a_baseline_accepts_known_findings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baseline.toml");
    let id = "00000000-0000-4000-8000-000000000000";
    let accept =
        format!("[[accept]]\nquery = 'a'\nkey = {{ eventid = '{id}' }}\nexpires = 2024-03-08\nreason = 'a drill'\n");
    std::fs::write(&path, accept).unwrap();
    let baseline = Baseline::read(&path, now().date_naive()).unwrap();
    let bad =
        query("-- expect: no rows\n-- key: eventid\n", "SELECT eventid, eventname FROM cloudtrail_logs ORDER BY 1");
    let options = RunnerOptions { asserting: true, ..options() };
    let one = Place::of(&[json!({})]).await.run_with(&bad, &BTreeMap::new(), &baseline, options.clone()).await;
    assert_eq!((one.verdict.clone(), one.findings.len(), one.open_findings()), (Verdict::Held, 1, 0));
    let two = Place::of(&[json!({}), json!({})]).await.run_with(&bad, &BTreeMap::new(), &baseline, options).await;
    assert_eq!((two.verdict.clone(), two.findings.len(), two.open_findings()), (Verdict::Violated, 2, 1));
}
