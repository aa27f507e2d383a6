//! Upkeep of lakes in buckets: rows before and after, killed anywhere, beside writers.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::fault_proxy::{Fault, FaultProxy};
use crate::s3::{account, ingest, rows};
use crate::s3_server::{Bucket, on_each_server};
use crate::support::{Place, outcome, records, text};

on_each_server!(
    a_lake_in_a_bucket_is_merged_expired_and_vacuumed,
    a_lake_in_a_bucket_can_be_asked_as_it_was,
    killing_a_compaction_at_any_request_changes_no_row,
    killing_an_expiry_at_any_request_leaves_all_of_it_or_nothing,
    killing_a_vacuum_at_any_request_loses_no_row,
    two_writers_and_a_compactor_at_once_make_the_same_lake_as_one_writer,
);

/// Moments at which each command is killed.
const KILLS: usize = 6;

/// Makes a lake of many small files in a bucket, in `files` commits, and its logs in a place.
fn small_files(bucket: &Bucket, files: usize, lake: &str) -> Place {
    let place = Place::new();
    for file in 0..files {
        place.log(&format!("{file:03}.json"), records(file * 40, 60));
        ingest(&place, bucket, &["--lake", lake, "logs"]);
    }
    place
}

/// Runs a command on a lake that must succeed, and returns what `--json` says.
fn json(place: &Place, bucket: &Bucket, lake: &str, args: &[&str]) -> Value {
    account(place.trailql_on(bucket).args(["--lake", lake]).args(args).args(["--json", "--quiet"]))
}

/// Keys of the files with events, whether the lake names them or not.
fn data_files(bucket: &Bucket, prefix: &str) -> Vec<String> {
    bucket.keys(prefix).into_iter().filter(|key| key.contains("/date") && key.ends_with(".parquet")).collect()
}

fn a_lake_in_a_bucket_is_merged_expired_and_vacuumed(bucket: Bucket) {
    let lake = bucket.url("lake");
    let place = small_files(&bucket, 6, &lake);
    let all = rows(&place, &bucket, &lake);
    assert_eq!(all.len(), 260);
    let before = data_files(&bucket, "lake/").len();
    let merged = json(&place, &bucket, &lake, &["lake", "optimize"]);
    assert!(merged["files_removed"].as_u64() > merged["files_added"].as_u64(), "{merged}");
    assert_eq!(rows(&place, &bucket, &lake), all);
    assert_eq!(json(&place, &bucket, &lake, &["lake", "optimize"])["commits"], 0);
    assert_eq!(data_files(&bucket, "lake/").len() as u64, before as u64 + merged["files_added"].as_u64().unwrap());

    let young: Vec<String> = all.iter().filter(|row| !row.contains("2024-03-01T")).cloned().collect();
    let expire = ["lake", "expire", "--before", "2024-03-02"];
    let planned = json(&place, &bucket, &lake, &[&expire[..], &["--dry-run"]].concat());
    assert_eq!(rows(&place, &bucket, &lake), all);
    let done = json(&place, &bucket, &lake, &expire);
    assert_eq!((&planned["days"], done["events"].as_u64()), (&done["days"], Some((all.len() - young.len()) as u64)));
    assert_eq!(rows(&place, &bucket, &lake), young);

    let vacuum = ["lake", "vacuum", "--older-than", "0d"];
    json(&place, &bucket, &lake, &vacuum);
    assert_eq!(rows(&place, &bucket, &lake), young);
    let left = json(&place, &bucket, &lake, &["lake", "info"])["files"].as_u64().unwrap();
    assert_eq!(data_files(&bucket, "lake/").len() as u64, left, "only what the lake names is left");
    place.log("again.json", records(0, 260));
    let again = ingest(&place, &bucket, &["--lake", &lake, "logs"]);
    assert_eq!((again["kept"].as_u64(), &again["expired"]), (Some(0), &done["events"]));
    assert_eq!(rows(&place, &bucket, &lake), young);
}

fn a_lake_in_a_bucket_can_be_asked_as_it_was(bucket: Bucket) {
    let lake = bucket.url("lake");
    let place = small_files(&bucket, 2, &lake);
    json(&place, &bucket, &lake, &["lake", "optimize"]);
    let ask = |args: &[&str]| {
        let sql = "SELECT count(*) AS n FROM cloudtrail_logs";
        let mut command = place.trailql_on(&bucket);
        let output = command.args(["--lake", &lake, "sql"]).args(args).args(["-c", sql]).output().unwrap();
        (output.status.code().unwrap(), text(&output.stdout).replace("\r\n", "\n"), text(&output.stderr))
    };
    let history = json(&place, &bucket, &lake, &["lake", "history"]);
    let first = history.as_array().unwrap().iter().find(|version| version["version"] == 1).unwrap();
    let time = chrono::DateTime::from_timestamp_millis(first["timestamp_millis"].as_i64().unwrap()).unwrap();
    assert_eq!(ask(&["--version", "1"]).1, "n\n60\n");
    assert_eq!(ask(&["--as-of", &time.to_rfc3339()]).1, "n\n60\n");
    json(&place, &bucket, &lake, &["lake", "vacuum", "--older-than", "0d"]);
    let (code, _, message) = ask(&["--version", "2"]);
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("vacuumed"), "{message}");
    assert_eq!(ask(&[]).1, "n\n100\n");
}

/// A way to the server on which a command can be killed at its nth request.
struct KillingLine {
    proxy: FaultProxy,
    near: Bucket,
}

impl KillingLine {
    fn new(bucket: &Bucket) -> Self {
        let proxy = FaultProxy::start(bucket.address, |_| Fault::None);
        Self { near: bucket.through(proxy.address), proxy }
    }

    /// Requests that a run to the end takes.
    fn requests(&self, command: &mut Command) -> usize {
        let before = self.proxy.count();
        let (code, message) = outcome(&command.output().unwrap());
        assert_eq!(code, 0, "{message}");
        self.proxy.count() - before
    }

    /// Kills a run as soon as its nth request has come.
    fn kill(&self, command: &mut Command, request: usize) {
        let before = self.proxy.count();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while self.proxy.count() < before + request && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        // An error means that it has ended by itself.
        let _ = child.kill();
        child.wait().unwrap();
    }
}

/// Kills a command on copies of a lake, at moments spread over all its requests; `check` sees each copy afterwards.
fn kill_everywhere(bucket: &Bucket, place: &Place, args: &[&str], check: impl Fn(&str, &str)) {
    let line = KillingLine::new(bucket);
    let command = |lake: &str| {
        let mut command = place.trailql_on(&line.near);
        command.args(["--lake", lake]).args(args);
        command
    };
    bucket.copy("lake/", "whole/");
    let requests = line.requests(&mut command(&bucket.url("whole")));
    assert!(requests > KILLS, "{requests} requests");
    for kill in 0..KILLS {
        let copy = format!("copy-{kill}");
        bucket.copy("lake/", &format!("{copy}/"));
        let lake = bucket.url(&copy);
        // The last ones are those that write.
        line.kill(&mut command(&lake), 2 + (requests - 2) * (kill + 1) / KILLS);
        check(&lake, &copy);
    }
}

fn killing_a_compaction_at_any_request_changes_no_row(bucket: Bucket) {
    let lake = bucket.url("lake");
    let place = small_files(&bucket, 6, &lake);
    let all = rows(&place, &bucket, &lake);
    kill_everywhere(&bucket, &place, &["lake", "optimize"], |lake, _| {
        assert_eq!(rows(&place, &bucket, lake), all);
        json(&place, &bucket, lake, &["lake", "optimize"]);
        assert_eq!(rows(&place, &bucket, lake), all);
        assert_eq!(json(&place, &bucket, lake, &["lake", "optimize"])["commits"], 0);
        assert_eq!(ingest(&place, &bucket, &["--lake", lake, "logs"])["kept"], 0);
    });
}

fn killing_an_expiry_at_any_request_leaves_all_of_it_or_nothing(bucket: Bucket) {
    let lake = bucket.url("lake");
    let place = small_files(&bucket, 4, &lake);
    let all = rows(&place, &bucket, &lake);
    let young: Vec<String> = all.iter().filter(|row| !row.contains("2024-03-01T")).cloned().collect();
    let expire = ["lake", "expire", "--before", "2024-03-02"];
    kill_everywhere(&bucket, &place, &expire, |lake, _| {
        let found = rows(&place, &bucket, lake);
        assert!(found == all || found == young, "{} of {} rows", found.len(), all.len());
        json(&place, &bucket, lake, &expire);
        assert_eq!(rows(&place, &bucket, lake), young);
    });
}

fn killing_a_vacuum_at_any_request_loses_no_row(bucket: Bucket) {
    let lake = bucket.url("lake");
    let place = small_files(&bucket, 4, &lake);
    json(&place, &bucket, &lake, &["lake", "optimize"]);
    let all = rows(&place, &bucket, &lake);
    let named = json(&place, &bucket, &lake, &["lake", "info"])["files"].as_u64().unwrap();
    let vacuum = ["lake", "vacuum", "--older-than", "0d"];
    kill_everywhere(&bucket, &place, &vacuum, |lake, copy| {
        assert_eq!(rows(&place, &bucket, lake), all);
        json(&place, &bucket, lake, &vacuum);
        assert_eq!(rows(&place, &bucket, lake), all);
        assert_eq!(data_files(&bucket, &format!("{copy}/")).len() as u64, named);
    });
}

fn two_writers_and_a_compactor_at_once_make_the_same_lake_as_one_writer(bucket: Bucket) {
    let lake = bucket.url("lake");
    let (clean, shared) = (Place::new(), small_files(&bucket, 6, &lake));
    for place in [&clean, &shared] {
        for file in 0..6 {
            place.log(&format!("{file:03}.json"), records(file * 40, 60));
        }
        // Enough for several commits of each writer.
        for file in 0..12 {
            place.log(&format!("large-{file:03}.json"), records(file * 400, 600));
        }
    }
    clean.ingest();
    let write = || {
        let mut command = shared.trailql_on(&bucket);
        command.args(["--lake", &lake, "ingest", "--quiet", "--batch-bytes", "1", "logs"]).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let mut writers = [write(), write()];
    let mut merged = 0;
    while writers.iter_mut().any(|writer| writer.try_wait().unwrap().is_none()) {
        merged += json(&shared, &bucket, &lake, &["lake", "optimize"])["files_removed"].as_u64().unwrap();
    }
    for writer in writers {
        let (code, message) = outcome(&writer.wait_with_output().unwrap());
        assert_eq!(code, 0, "{message}");
    }
    assert!(merged > 0);
    assert_eq!(rows(&shared, &bucket, &lake), clean.rows());
    json(&shared, &bucket, &lake, &["lake", "optimize"]);
    json(&shared, &bucket, &lake, &["lake", "vacuum", "--older-than", "0d"]);
    assert_eq!(rows(&shared, &bucket, &lake), clean.rows());
    assert_eq!(ingest(&shared, &bucket, &["--lake", &lake, "logs"])["kept"], 0);
}
