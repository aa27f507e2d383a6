//! `--notify`: who is told of an ingest, a report and an assertion, and what happens if nobody can be.

use std::fs;

use serde_json::Value;

use crate::support::{Place, outcome, records};

/// Three receivers: one that hears everything, one that hears of what is critical, one that cannot be reached.
const RECEIVERS: &str = "lake = 'lake'
[[notify]]\nname = 'all'\nkind = 'command'\nalways = true\nseverity = 'info'\nwindow = '0s'\ncommand = ['sh', '-c', 'cat >> all']
[[notify]]\nname = 'critical'\nkind = 'command'\nseverity = 'critical'\ncommand = ['sh', '-c', 'cat >> critical']
[[notify]]\nname = 'broken'\nkind = 'command'\nalways = true\ncommand = ['sh', '-c', 'exit 3']
[[notify]]\nname = 'tls'\nkind = 'email'\nserver = 'smtps://mail.example.com'\nfrom = 'a@example.com'\nto = ['b@example.com']
";

fn place() -> Place {
    let place = Place::new();
    fs::write(place.path("trailql.toml"), RECEIVERS).unwrap();
    place.log("a.json", records(0, 9));
    let query = |name: &str, severity: &str, call: &str| {
        let header = format!("-- name: {name}\n-- title: {call}\n-- severity: {severity}\n-- expect: no rows\n\n");
        let sql = format!("{header}SELECT eventid FROM cloudtrail_logs WHERE eventname = '{call}'\n");
        fs::write(place.path(&format!("{name}.sql")), sql).unwrap();
    };
    query("violated", "high", "Call1");
    query("held", "critical", "Never");
    place
}

fn run(place: &Place, arguments: &[&str]) -> (i32, String) {
    outcome(&place.trailql().arg("--quiet").args(arguments).output().unwrap())
}

fn told(place: &Place, receiver: &str) -> Vec<Value> {
    let text = fs::read_to_string(place.path(receiver)).unwrap_or_default();
    serde_json::Deserializer::from_str(&text).into_iter().map(Result::unwrap).collect()
}

#[test]
fn everybody_hears_what_they_want_to() {
    let place = place();
    let both = ["--notify", "all", "--notify", "critical"];
    assert_eq!(run(&place, &[&["ingest", "logs"][..], &both].concat()).0, 0);
    assert_eq!(run(&place, &[&["assert", "held.sql"][..], &both].concat()).0, 0);
    assert_eq!(run(&place, &[&["assert", "held.sql", "violated.sql"][..], &both].concat()).0, 1);
    let report = ["report", "run", "violated.sql", "--format", "html", "-o", "out.html"];
    assert_eq!(run(&place, &[&report[..], &both].concat()).0, 0);
    assert_eq!(run(&place, &[&["assert", "held.sql", "--lake", "none"][..], &both].concat()).0, 2);
    let all: Vec<String> = told(&place, "all")
        .iter()
        .map(|message| format!("{} {} {}", message["job"], message["outcome"], message["level"]).replace('"', ""))
        .collect();
    assert_eq!(
        all,
        ["ingest ok info", "assert ok info", "assert problem high", "report problem high", "assert failed high"]
    );
    assert_eq!(told(&place, "all")[0]["subject"], "trailql ingest: 9 events kept, 0 rejected, 0 files not read");
    // A failure is told whatever its severity.
    let critical: Vec<Value> = told(&place, "critical").iter().map(|message| message["outcome"].clone()).collect();
    assert_eq!(critical, ["failed"]);
}

#[test]
fn an_ingest_with_bad_files_is_a_problem() {
    let place = place();
    place.log("bad.json", "{\"Records\":[");
    assert_eq!(run(&place, &["ingest", "logs", "--notify", "all"]).0, 1);
    let told = told(&place, "all");
    assert_eq!(told[0]["outcome"], "problem");
    assert!(told[0]["text"].as_str().unwrap().contains("bad.json"), "{}", told[0]);
}

#[test]
fn who_cannot_be_told_shows_in_the_exit_code() {
    let place = place();
    for (arguments, expected) in [
        (&["ingest", "logs"][..], 1),
        (&["report", "run", "held.sql", "--format", "json", "-o", "out.json"], 1),
        // 1 would say that something is violated.
        (&["assert", "held.sql"], 2),
        (&["assert", "violated.sql"], 1),
    ] {
        let (code, error) = run(&place, &[arguments, &["--notify", "broken"]].concat());
        assert_eq!(code, expected, "{arguments:?}: {error}");
        assert!(error.contains("notification broken was not sent"), "{error}");
    }
}

#[test]
fn receivers_are_checked_ahead_of_the_work() {
    let place = place();
    for (arguments, part) in [
        (&["ingest", "logs", "--notify", "nobody"][..], "no [[notify]] named 'nobody'"),
        (&["ingest", "logs", "--notify", "tls"], "is not HOST or HOST:PORT"),
        (&["ingest", "logs", "--follow", "--notify", "all"], "--follow does not"),
    ] {
        let (code, error) = run(&place, arguments);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(part), "{error}");
    }
    assert!(!place.path("lake").exists());
}
