//! Every query of the library: on real events, and on events that it must and must not find.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use trailql_report::{Baseline, Library, Runner, Verdict, Window};

use crate::made_events::{Place, Proofs, options, session};

/// Events of one query, as `testdata/queries/<folder>.json` has them.
#[derive(serde::Deserialize)]
struct Case {
    finds: Vec<Value>,
    ignores: Vec<Value>,
    /// What is known about the integrity of the log file, `$log`, in which the events are.
    #[serde(default)]
    known: Known,
    #[serde(default)]
    params: BTreeMap<String, String>,
}

/// Rows of `cloudtrail_integrity` and `cloudtrail_digests` for events to find, and for those to ignore.
#[derive(Default, serde::Deserialize)]
struct Known {
    finds: Proofs,
    ignores: Proofs,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn cases() -> BTreeMap<String, Case> {
    let mut cases = BTreeMap::new();
    for file in std::fs::read_dir(root().join("testdata/queries")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        cases.extend(serde_json::from_str::<BTreeMap<String, Case>>(&text).unwrap());
    }
    cases
}

#[test]
fn the_bundled_library_is_the_one_of_the_folder() {
    let bundled = Library::bundled().unwrap();
    let folder = Library::of_folder(&root().join("sql")).err().map(|error| error.to_string());
    // The tour of the demo has no header and more than one statement: it is beside the library, not in it.
    assert!(folder.is_some_and(|error| error.contains("demo.sql")));
    assert!(bundled.queries().len() >= 70);
    for query in bundled.queries() {
        assert!(query.has_header, "{} has no header", query.path);
        assert!(!query.header.columns.is_empty(), "{} promises no columns", query.path);
        assert!(!query.header.description.is_empty(), "{} has no description", query.path);
    }
}

#[tokio::test]
async fn every_query_runs_on_the_events_of_the_demo_and_returns_its_columns() {
    let session = session(&root().join("testdata/real/invictus-ir__aws_dataset"), Window::default()).await;
    let place = Place::of(&[]).await;
    let cases = cases();
    let baseline = Baseline::default();
    let runner = Runner::try_new(&session, &baseline, options()).await.unwrap();
    for query in Library::bundled().unwrap().queries() {
        let params = cases.get(&query.header.name).map(|case| case.params.clone()).unwrap_or_default();
        let result = runner.run(query, &params).await.unwrap();
        assert!(!matches!(result.verdict, Verdict::Unchecked { .. }), "{}: {:?}", query.path, result.verdict);
        let promised: Vec<_> = query.header.columns.iter().map(|c| (c.name.as_str(), c.kind.as_str())).collect();
        let returned: Vec<_> = result.columns.iter().map(|c| (c.name.as_str(), c.kind.as_str())).collect();
        assert_eq!(promised, returned, "{}", query.path);
        // Where there is nothing, there is no error either.
        let nothing = place.run(query, &params).await;
        let failed = matches!(&nothing.verdict, Verdict::Unchecked { reason } if !reason.contains("no events"));
        assert!(!failed, "{}: {:?}", query.path, nothing.verdict);
        assert_eq!(nothing.row_count, 0, "{}", query.path);
    }
}

#[tokio::test]
async fn every_query_finds_what_it_must_and_ignores_what_it_must_not() {
    let mut cases = cases();
    for query in Library::bundled().unwrap().queries() {
        let case = cases.remove(&query.header.name).unwrap_or_else(|| panic!("no events for {}", query.path));
        let found = Place::with_proofs(&case.finds, &case.known.finds).await.run(query, &case.params).await;
        assert!(found.row_count > 0, "{} finds nothing: {:?}", query.path, found.verdict);
        if query.header.columns.first().is_some_and(|column| column.name == "eventid") {
            assert_eq!(found.row_count as usize, case.finds.len(), "{} misses events", query.path);
        }
        let ignored = Place::with_proofs(&case.ignores, &case.known.ignores).await.run(query, &case.params).await;
        assert_eq!(ignored.row_count, 0, "{} finds {:?}", query.path, ignored.rows);
    }
    assert!(cases.is_empty(), "events of queries that are not there: {:?}", cases.keys());
}

#[test]
fn selects_by_name_folder_pack_and_tag() {
    let library = Library::bundled().unwrap();
    let names = |targets: &[&str], tags: &[&str]| -> Vec<String> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let selection = library.select(&owned(targets), &owned(tags)).unwrap();
        selection.queries.into_iter().map(|query| query.header.name).collect()
    };
    assert_eq!(names(&["mfa_deactivated", "mfa_deactivated"], &[]), ["mfa_deactivated"]);
    assert!(names(&["detect"], &[]).len() > 15);
    assert_eq!(names(&["compliance/"], &["securityhub:CloudWatch.1"]), ["cis_4_03_root_use"]);
    assert_eq!(names(&[], &["cis"]).len(), 16);
    let error = library.select(&["mfa_deactivate".to_owned()], &[]).err().unwrap().to_string();
    assert!(error.contains("did you mean 'mfa_deactivated'?"), "{error}");
}
