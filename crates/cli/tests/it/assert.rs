//! `trailql assert` as CI runs it: exit codes that tell held, violated and not checked apart.

use std::fs;
use std::process::Output;

use serde_json::Value;

use crate::support::{Place, outcome, records, text};

/// A place with three events named Call0, Call1 and Call2, and a folder of assertions.
fn place(assertions: &[(&str, &str)]) -> Place {
    let place = Place::new();
    place.log("a.json", records(0, 3));
    fs::create_dir_all(place.path("audit")).unwrap();
    for (name, sql) in assertions {
        fs::write(place.path("audit").join(name), sql).unwrap();
    }
    place
}

const HELD: (&str, &str) = ("held.sql", "SELECT eventid FROM cloudtrail_logs WHERE eventname = 'Never'");
const VIOLATED: (&str, &str) = (
    "violated.sql",
    "-- name: violated\n-- title: No Call1\n-- severity: high\n-- expect: no rows\n-- key: eventid\n\n\
     SELECT eventid, eventname FROM cloudtrail_logs WHERE eventname = 'Call1'",
);
const BROKEN: (&str, &str) = ("broken.sql", "SELECT nonsense FROM cloudtrail_logs");

fn assert_raw(place: &Place, arguments: &[&str]) -> Output {
    place.trailql().args(["assert", "audit", "--raw", "logs"]).args(arguments).output().unwrap()
}

#[test]
fn codes_tell_held_violated_and_not_checked_apart() {
    assert_eq!(outcome(&assert_raw(&place(&[HELD]), &[])).0, 0);
    assert_eq!(outcome(&assert_raw(&place(&[HELD, VIOLATED]), &[])).0, 1);
    assert_eq!(outcome(&assert_raw(&place(&[HELD, BROKEN]), &[])).0, 2);
    assert_eq!(outcome(&assert_raw(&place(&[VIOLATED, BROKEN]), &[])).0, 2);
    let missing = place(&[HELD]).trailql().args(["assert", "audit"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("no lake"), "{}", text(&missing.stderr));
}

#[test]
fn a_reader_that_goes_away_changes_no_verdict() {
    let place = place(&[VIOLATED]);
    for (arguments, code) in
        [(&["assert", "audit", "--raw", "logs"][..], 1), (&["assert", "audit", "--raw", "none"], 2)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = place.trailql();
        command.args(arguments).stdout(writer.try_clone().unwrap()).stderr(writer);
        assert_eq!(command.status().unwrap().code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn an_error_points_into_the_query() {
    let output = assert_raw(&place(&[BROKEN]), &[]);
    let stdout = text(&output.stdout);
    let (_, reason) = stdout.split_once("no column named").unwrap();
    assert!(reason.lines().nth(1).unwrap().contains("1:"), "{stdout}");
    assert!(reason.lines().nth(2).unwrap().trim_end().ends_with('^'), "{stdout}");
}

#[test]
fn a_lake_is_checked_like_log_files() {
    let place = place(&[HELD, VIOLATED]);
    place.ingest();
    let output = place.trailql().args(["assert", "audit"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("eventid event-1"), "{}", text(&output.stdout));
    let output = place.trailql().args(["assert", "audit/held.sql", "cis"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn no_events_are_no_proof() {
    let place = place(&[HELD]);
    let output = assert_raw(&place, &["--since", "2030-01-01"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("no events to check"), "{}", text(&output.stdout));
    assert_eq!(outcome(&assert_raw(&place, &["--since", "2030-01-01", "--allow-empty"])).0, 0);
}

#[test]
fn unreadable_log_files_are_no_proof() {
    let place = place(&[HELD]);
    place.log("torn.json", "{\"Records\":[{\"eventVersion\":\"1.08\",");
    let output = assert_raw(&place, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("torn.json"), "{}", text(&output.stdout));
}

#[test]
fn a_baseline_accepts_until_it_expires() {
    let place = place(&[VIOLATED]);
    let accept = |expires: &str| {
        let entry = format!(
            "[[accept]]\nquery = 'violated'\nkey = {{ eventid = 'event-1' }}\nexpires = {expires}\nreason = 'a drill'\n"
        );
        fs::write(place.path("baseline.toml"), entry).unwrap();
    };
    accept("2999-12-31");
    let arguments = ["--baseline", "baseline.toml", "--sarif", "out.sarif", "--junit", "out.xml"];
    let output = assert_raw(&place, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("accepted until 2999-12-31: a drill"), "{}", text(&output.stdout));
    let sarif: Value = serde_json::from_slice(&fs::read(place.path("out.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["suppressions"][0]["kind"], "external");
    assert!(fs::read_to_string(place.path("out.xml")).unwrap().contains("a drill"));
    accept("2020-01-01");
    let output = assert_raw(&place, &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("expired on 2020-01-01"), "{}", text(&output.stdout));
}

#[test]
fn wrong_usage_is_not_a_violation() {
    let place = place(&[HELD]);
    for arguments in
        [&["assert"][..], &["assert", "no_such_query"], &["assert", "usage"], &["assert", "audit", "--param", "x=1"]]
    {
        let output = place.trailql().args(arguments).args(["--raw", "logs"]).output().unwrap();
        let is_plain = arguments.contains(&"--param");
        assert_eq!(output.status.code(), Some(if is_plain { 0 } else { 2 }), "{arguments:?} {}", text(&output.stderr));
    }
    fs::write(place.path("audit/bad.sql"), "-- name: bad\n-- titel: Bad\n\nSELECT 1").unwrap();
    let output = assert_raw(&place, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("audit/bad.sql:2: no header key 'titel'"), "{}", text(&output.stderr));
}

#[test]
fn machines_get_json_and_annotations() {
    let place = place(&[HELD, VIOLATED]);
    let report: Value = serde_json::from_slice(&assert_raw(&place, &["--json"]).stdout).unwrap();
    let verdicts: Vec<_> =
        report["queries"].as_array().unwrap().iter().map(|q| q["verdict"]["state"].clone()).collect();
    assert_eq!(verdicts, ["held", "violated"]);
    let annotations = text(&assert_raw(&place, &["--github"]).stdout);
    assert!(annotations.starts_with("::error file=audit/violated.sql,line=1,title=violated"), "{annotations}");
}
