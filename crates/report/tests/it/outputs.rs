//! What reports look like: hostile strings stay text, documents can be read back.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trailql_report::{Baseline, Query, Report, RunnerOptions, diff, github, html, junit, sarif, text};

use crate::made_events::{Place, now, options, source};

const HOSTILE: &str = "</script><script>alert(1)</script>\u{1b}[31m]]>&\"'\n::error::x";

fn query() -> Query {
    let text = "-- name: a\n-- title: Agents\n-- severity: high\n-- columns: eventid text, eventtime timestamp, useragent text\n\
                -- expect: no rows\n-- key: useragent\n-- chart: count eventtime\n\n\
                SELECT eventid, eventtime, useragent FROM cloudtrail_logs ORDER BY eventid";
    Query::parse("audit/a.sql", text).unwrap()
}

async fn report(events: &[Value]) -> Report {
    let options = RunnerOptions { asserting: true, ..options() };
    let result = Place::of(events).await.run_with(&query(), &BTreeMap::new(), &Baseline::default(), options).await;
    Report {
        format: Report::FORMAT,
        trailql: "0.1.0".to_owned(),
        title: "audit".to_owned(),
        made_at: now(),
        source: source(events.len() as u64),
        window: Default::default(),
        packs: Vec::new(),
        queries: vec![result],
        warnings: vec![HOSTILE.to_owned()],
    }
}

#[tokio::test]
async fn log_data_is_text_in_the_page() {
    let report = report(&[json!({"userAgent": HOSTILE})]).await;
    let page = html::page(&report).unwrap();
    assert_eq!(page.matches("<script").count(), 3, "the report's own scripts alone");
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("src=\"http"));
}

#[tokio::test]
async fn a_page_and_a_document_can_be_compared() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old.html"), folder.path().join("new.json"));
    let before = report(&[json!({"userAgent": HOSTILE})]).await;
    let after = report(&[json!({"userAgent": HOSTILE}), json!({"userAgent": "other"})]).await;
    std::fs::write(&old, html::page(&before).unwrap()).unwrap();
    std::fs::write(&new, serde_json::to_string(&after).unwrap()).unwrap();
    let (before, after) = (diff::read(&old).unwrap(), diff::read(&new).unwrap());
    let changed = diff::compare(&before, &after);
    assert_eq!((changed.changed[0].counts, changed.changed[0].added.len()), ((1, 2), 1));
    assert!(changed.changed[0].removed.is_empty());
    assert!(diff::compare(&before, &before).is_empty());
    std::fs::write(&new, "{}").unwrap();
    assert!(diff::read(&new).unwrap_err().to_string().contains("not a report"));
}

#[tokio::test]
async fn the_hash_of_a_result_does_not_depend_on_order() {
    let (a, b) = (json!({"eventID": "a", "userAgent": "x"}), json!({"eventID": "b", "userAgent": "y"}));
    let one = report(&[a.clone(), b.clone()]).await;
    let other = report(&[b, a.clone()]).await;
    assert_eq!(one.queries[0].sha256, other.queries[0].sha256);
    assert_ne!(one.queries[0].sha256, report(&[a]).await.queries[0].sha256);
}

#[tokio::test]
async fn annotations_and_text_are_one_line_each() {
    let report = report(&[json!({"userAgent": HOSTILE})]).await;
    let mut out = Vec::new();
    github::write_annotations(&report, &mut out).unwrap();
    let annotations = String::from_utf8(out).unwrap();
    assert_eq!(annotations.lines().count(), 2, "{annotations}");
    assert!(annotations.starts_with("::error file=audit/a.sql,line=1,title=a%3A Agents::1 row,"), "{annotations}");
    let mut out = Vec::new();
    text::write_assertions(&report, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("violated") && !text.contains('\u{1b}'), "{text}");
    assert!(text.ends_with("0 held, 1 violated, 0 not checked\n"), "{text}");
}

#[tokio::test]
async fn junit_is_well_formed_and_sarif_names_the_rule() {
    let report = report(&[json!({"userAgent": HOSTILE})]).await;
    let mut xml = Vec::new();
    junit::write(&report, &mut xml).unwrap();
    let xml = String::from_utf8(xml).unwrap();
    assert!(xml.contains("failures=\"1\"") && !xml.contains("<script>") && !xml.contains('\u{1b}'), "{xml}");
    let log = sarif::log(&report);
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "a");
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], true);
}
