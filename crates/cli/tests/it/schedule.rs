//! `trailql schedule` as processes: runs, records, people told.

use std::fs;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Place, records, text};

/// A place with logs and jobs; whoever is told writes the message to `told`.
fn place(jobs: &str) -> Place {
    let place = Place::new();
    place.log("a.json", records(0, 3));
    let receiver =
        "[[notify]]\nname = 'file'\nkind = 'command'\nalways = true\ncommand = ['sh', '-c', 'cat >> told']\n";
    fs::write(place.path("trailql.toml"), format!("lake = 'lake'\n{jobs}{receiver}")).unwrap();
    place
}

fn schedule(place: &Place, arguments: &[&str]) -> Output {
    place.trailql().arg("schedule").args(arguments).output().unwrap()
}

fn job(name: &str, cron: &str, run: &str) -> String {
    format!("[[schedule]]\nname = '{name}'\ncron = '{cron}'\nrun = {run}\nnotify = ['file']\n")
}

#[test]
fn one_run_is_made_noted_and_told() {
    let jobs =
        job("ingest", "0 6 * * *", "['ingest', 'logs']") + &job("calls", "0 7 * * *", "['assert', 'no_calls.sql']");
    let place = place(&jobs);
    fs::write(place.path("no_calls.sql"), "SELECT eventid FROM cloudtrail_logs WHERE eventname = 'Call1'").unwrap();
    assert_eq!(schedule(&place, &["run", "--once", "ingest"]).status.code(), Some(0));
    let violated = schedule(&place, &["run", "--once", "calls"]);
    assert_eq!(violated.status.code(), Some(1), "{}", text(&violated.stderr));
    let told = fs::read_to_string(place.path("told")).unwrap();
    assert!(told.contains("trailql ingest: ok") && told.contains("trailql calls: problem"), "{told}");
    let history: Value = serde_json::from_slice(&schedule(&place, &["history", "calls", "--json"]).stdout).unwrap();
    assert_eq!(history[0]["state"], "problem");
    assert!(history[0]["message"].as_str().unwrap().contains("0 held, 1 violated"), "{history}");
    let list = text(&schedule(&place, &["list"]).stdout);
    assert!(list.contains("calls: trailql assert no_calls.sql") && list.contains(", problem"), "{list}");
}

#[test]
fn runs_can_be_queried() {
    let place = place(&job("ingest", "0 6 * * *", "['ingest', 'logs']"));
    assert_eq!(schedule(&place, &["run", "--once", "ingest"]).status.code(), Some(0));
    let sql = "CREATE EXTERNAL TABLE runs STORED AS JSON LOCATION 'lake/_schedule/runs/ingest/' OPTIONS ('format.schema_infer_max_rec' '100'); \
               SELECT job, state FROM runs WHERE state IS NOT NULL";
    let output = place.trailql().args(["sql", "--format", "csv", "-c", sql]).output().unwrap();
    assert_eq!(text(&output.stdout), "job,state\r\ningest,ok\r\n", "{}", text(&output.stderr));
}

#[test]
fn who_cannot_be_told_fails_the_run() {
    let place = place(&job("ingest", "0 6 * * *", "['ingest', 'logs']"));
    let config = fs::read_to_string(place.path("trailql.toml")).unwrap().replace("cat >> told", "exit 3");
    fs::write(place.path("trailql.toml"), config).unwrap();
    let output = schedule(&place, &["run", "--once", "ingest"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("notification file was not sent"), "{}", text(&output.stderr));
}

#[test]
fn wrong_jobs_are_named() {
    for (jobs, part) in [
        (job("a", "nonsense", "['ingest']"), "job a: 'nonsense'"),
        (job("a", "0 6 * * *", "[]"), "schedule.a.run is missing"),
        (job("a", "0 6 * * *", "['schedule', 'run']"), "cannot run jobs"),
        (job("a", "0 6 * * *", "['ingest']").replace("'file'", "'nobody'"), "no [[notify]] named 'nobody'"),
        (job("a", "0 6 * * *", "['ingest']") + "missed = 'never'\n", "give skip or run-last"),
    ] {
        let output = schedule(&place(&jobs), &["run", "--once", "a"]);
        assert_eq!(output.status.code(), Some(2), "{jobs}");
        assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
    }
}

#[cfg(unix)]
#[test]
fn two_daemons_run_each_firing_once_and_stop_when_told() {
    let place = place(&job("tick", "* * * * * *", "['report', 'list', 'usage']"));
    let start =
        || place.trailql().args(["schedule", "run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut daemons = [start(), start()];
    let runs = || -> Vec<String> {
        let output = schedule(&place, &["history", "--json", "--limit", "1000"]);
        let history: Value = serde_json::from_slice(&output.stdout).unwrap();
        history.as_array().unwrap().iter().map(|run| format!("{} {}", run["firing"], run["attempt"])).collect()
    };
    let deadline = Instant::now() + Duration::from_secs(120);
    while runs().len() < 3 {
        assert!(Instant::now() < deadline, "no runs");
        std::thread::sleep(Duration::from_millis(200));
    }
    for daemon in &mut daemons {
        std::process::Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status().unwrap();
        assert_eq!(daemon.wait().unwrap().code(), Some(0));
    }
    let runs = runs();
    let mut once = runs.clone();
    once.dedup();
    assert_eq!(runs, once);
    assert!(runs.iter().all(|run| run.ends_with(" 1") || run.ends_with(" 0")), "{runs:?}");
}
