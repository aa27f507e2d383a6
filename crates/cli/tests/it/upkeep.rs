//! Upkeep as its users run it: killed at any moment, beside writers, and through the command line.

use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::crash::scattered;
use crate::support::{Place, kill_after, outcome, records, text};

/// Kills before a command is left alone.
const KILLS: u64 = 8;

/// A lake of many small files: `files` log files in as many commits.
fn small_files(files: usize) -> Place {
    let place = Place::new();
    for file in 0..files {
        place.log(&format!("{file:03}.json"), records(file * 40, 60));
        place.ingest();
    }
    place
}

/// Runs a command that must succeed, and returns what `--json` says.
fn json(place: &Place, args: &[&str]) -> Value {
    let output = place.trailql().args(args).args(["--json", "--quiet"]).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {}", text(&output.stdout)))
}

/// Starts a command and kills it at some moment.
fn kill(place: &Place, args: &[&str], round: u64) {
    kill_after(place.trailql().args(args), 20 + scattered(round, 600));
}

/// Data files on disk, whether the lake names them or not.
fn data_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| match path.is_dir() {
            true => data_files(&path),
            false => usize::from(path.to_string_lossy().contains("date=") && path.extension().is_some()),
        })
        .sum()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { std::fs::copy(path, target).map(drop).unwrap() }
    }
}

#[test]
fn killing_a_compaction_anywhere_changes_no_row() {
    let place = small_files(12);
    let rows = place.rows();
    for round in 0..KILLS {
        kill(&place, &["lake", "optimize"], round);
        assert_eq!(place.rows(), rows);
    }
    json(&place, &["lake", "optimize"]);
    assert_eq!(place.rows(), rows);
    assert_eq!(json(&place, &["lake", "optimize"])["commits"], 0);
    assert_eq!(place.ingest()["kept"], 0, "and the ledger knows all of them");
}

#[test]
fn killing_an_expiry_anywhere_leaves_all_of_it_or_nothing() {
    let original = small_files(6);
    let all = original.rows();
    let young: Vec<String> = all.iter().filter(|row| !row.contains("2024-03-01T")).cloned().collect();
    let expire = ["lake", "expire", "--before", "2024-03-02"];
    for round in 0..KILLS {
        let place = Place::new();
        copy(&original.path("lake"), &place.path("lake"));
        kill(&place, &expire, round);
        let rows = place.rows();
        assert!(rows == all || rows == young, "round {round}: {} of {} rows", rows.len(), all.len());
        json(&place, &expire);
        assert_eq!(place.rows(), young);
    }
}

#[test]
fn killing_a_vacuum_anywhere_loses_no_row_and_the_next_one_finishes() {
    let original = small_files(8);
    json(&original, &["lake", "optimize"]);
    let rows = original.rows();
    let vacuum = ["lake", "vacuum", "--older-than", "0d"];
    let mut left = None;
    for round in 0..KILLS {
        let place = Place::new();
        copy(&original.path("lake"), &place.path("lake"));
        kill(&place, &vacuum, round);
        assert_eq!(place.rows(), rows);
        json(&place, &vacuum);
        assert_eq!(place.rows(), rows);
        let files = data_files(&place.path("lake"));
        assert!(files < data_files(&original.path("lake")));
        assert_eq!(*left.get_or_insert(files), files, "however often it was killed");
    }
}

#[test]
fn two_writers_and_a_compactor_at_once_make_the_same_lake_as_one_writer() {
    let (clean, shared) = (Place::new(), small_files(8));
    for place in [&clean, &shared] {
        // Enough for several commits of each writer.
        for file in 0..24 {
            place.log(&format!("large-{file:03}.json"), records(file * 400, 600));
        }
    }
    clean.ingest();
    let write = || {
        let mut command = shared.trailql();
        command.args(["ingest", "--quiet", "--batch-bytes", "1", "logs"]).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut writers = [write(), write()];
    let mut merged = 0;
    while writers.iter_mut().any(|writer| writer.try_wait().unwrap().is_none()) {
        merged += json(&shared, &["lake", "optimize"])["files_removed"].as_u64().unwrap();
    }
    for writer in writers {
        let (code, message) = outcome(&writer.wait_with_output().unwrap());
        assert_eq!(code, 0, "{message}");
    }
    assert!(merged > 0);
    assert_eq!(shared.rows(), clean.rows());
    json(&shared, &["lake", "optimize"]);
    json(&shared, &["lake", "vacuum", "--older-than", "0d"]);
    assert_eq!(shared.rows(), clean.rows());
    assert_eq!(shared.ingest()["kept"], 0);
}

#[test]
fn expired_events_are_said_and_stay_away() {
    let place = small_files(3);
    let dry = json(&place, &["lake", "expire", "--before", "2024-03-02", "--dry-run"]);
    assert_eq!(place.rows().len(), 140);
    let done = json(&place, &["lake", "expire", "--before", "2024-03-02"]);
    assert_eq!(dry["days"], done["days"]);
    assert_eq!((done["days"][0]["day"].as_str(), done["floor"].as_str()), (Some("2024-03-01"), Some("2024-03-02")));
    let rows = place.rows();
    assert_eq!(rows.len() as u64, 140 - done["events"].as_u64().unwrap());
    place.log("again.json", records(0, 140));
    let output = place.trailql().args(["ingest", "--json", "logs"]).output().unwrap();
    let account: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&account["expired"], &account["kept"]), (&done["events"], &Value::from(0)));
    assert!(text(&output.stderr).contains("older than what the lake keeps"), "{}", text(&output.stderr));
    assert_eq!(place.rows(), rows);
}

#[test]
fn the_lake_can_be_asked_as_it_was() {
    let place = small_files(2);
    let history = json(&place, &["lake", "history"]);
    let time = history[1]["timestamp_millis"].as_i64().unwrap();
    let time = chrono::DateTime::from_timestamp_millis(time).unwrap().to_rfc3339();
    json(&place, &["lake", "optimize"]);
    let ask = |args: &[&str]| {
        let sql = "SELECT count(*) AS n FROM cloudtrail_logs";
        let output = place.trailql().arg("sql").args(args).args(["-c", sql]).output().unwrap();
        (output.status.code().unwrap(), text(&output.stdout).replace("\r\n", "\n"), text(&output.stderr))
    };
    assert_eq!(ask(&[]).1, "n\n100\n");
    assert_eq!(ask(&["--version", "1"]).1, "n\n60\n");
    assert_eq!(ask(&["--version", "0"]).1, "n\n0\n");
    assert_eq!(ask(&["--as-of", &time]).1, "n\n60\n");
    let (code, _, message) = ask(&["--version", "99"]);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("no version 99") && message.contains("lake history"), "{message}");
    assert_eq!(ask(&["--as-of", "2001-01-01"]).0, 2);
    assert_eq!(ask(&["--as-of", &time, "--version", "1"]).0, 2);
    json(&place, &["lake", "vacuum", "--older-than", "0d"]);
    let (code, _, message) = ask(&["--version", "2"]);
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("vacuumed"), "{message}");
    assert_eq!(ask(&[]).1, "n\n100\n");
}

#[test]
fn queries_skip_as_much_after_a_compaction_as_before() {
    let place = small_files(6);
    let explain = |condition: &str| {
        let sql = format!("EXPLAIN SELECT eventid FROM cloudtrail_logs WHERE {condition}");
        let output = place.trailql().args(["sql", "--format", "vertical", "-c", &sql]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let partitions = json(&place, &["lake", "optimize"])["files_added"].as_u64().unwrap();
    assert_eq!(partitions, 6);
    let all = explain("requestparameters <> ''");
    assert!(all.contains("files=6/6"), "{all}");
    let one_day = explain("eventtime >= '2024-03-02' AND eventtime < '2024-03-03'");
    assert!(one_day.contains("files=2/6"), "{one_day}");
    let one_event = explain("eventid = 'event-7'");
    assert!(one_event.contains("files=1/6"), "bloom filters: {one_event}");
}

#[test]
fn the_commands_say_what_they_did() {
    let place = small_files(4);
    let run = |args: &[&str]| {
        let output = place.trailql().args(args).output().unwrap();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, err) = run(&["lake", "optimize", "--dry-run"]);
    assert!(code == 0 && out.is_empty() && err.contains("would merge") && err.contains("dry run"), "{err}");
    let (_, _, err) = run(&["lake", "optimize"]);
    assert!(err.contains("merged") && err.contains("into    6 files"), "{err}");
    let (_, _, err) = run(&["lake", "optimize"]);
    assert_eq!(err, "nothing to merge\n");
    let (_, out, err) = run(&["lake", "expire", "--before", "2024-03-02"]);
    assert!(out.contains("2024-03-01") && err.contains("the lake keeps 2024-03-02 and later"), "{out}{err}");
    let (_, out, _) = run(&["lake", "vacuum", "--older-than", "0d"]);
    assert!(out.contains("data that was merged or expired") && out.contains("time travel reaches back"), "{out}");
    let (_, out, _) = run(&["lake", "history", "--limit", "3"]);
    let operations: Vec<&str> = out.lines().skip(1).filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(operations, ["delete", "optimize", "write"], "{out}");
}

#[test]
fn wrong_usage_of_upkeep_is_refused() {
    let place = small_files(1);
    for (args, reason) in [
        (&["lake", "expire"][..], "required"),
        (&["lake", "expire", "--older-than", "1y"], "give a span"),
        (&["lake", "expire", "--older-than", "1d", "--before", "2024-01-01"], "cannot be used with"),
        (&["lake", "expire", "--before", "2999-01-01"], "lies in the future"),
        (&["lake", "optimize", "--target-size", "0"], "give a size"),
        (&["lake", "vacuum", "--older-than", "soon"], "give a span"),
    ] {
        let (code, message) = outcome(&place.trailql().args(args).output().unwrap());
        assert_eq!(code, 2, "{args:?}: {message}");
        assert!(message.contains(reason), "{args:?}: {message}");
    }
    assert_eq!(place.rows().len(), 60);
}
