//! Broken lines, throttling and lost answers between the program and the S3 server.

use std::time::Duration;

use crate::crash::scattered;
use crate::fault_proxy::{Fault, FaultProxy, Seen};
use crate::s3::{ingest, rows};
use crate::s3_server::{Bucket, on_each_server};
use crate::support::{Place, outcome, records, text, wide_records};

on_each_server!(
    ingest_and_queries_come_through_a_bad_line,
    a_commit_whose_answer_gets_lost_is_done_once,
    a_file_that_cannot_be_fetched_is_named_and_taken_the_next_time,
    objects_that_change_or_vanish_after_the_listing_are_failures,
    a_store_that_goes_away_ends_the_run_and_the_next_one_finishes,
    a_lake_that_cannot_be_written_reads_as_before,
    a_server_without_conditional_writes_is_refused,
    a_query_over_a_line_that_breaks_for_good_fails_clearly,
    a_large_object_comes_in_pieces_over_a_bad_line,
);

/// Log files in a bucket, and the lake that they make undisturbed.
fn logs(bucket: &Bucket, files: usize) -> Place {
    let clean = Place::new();
    for file in 0..files {
        clean.log(&format!("{file:03}.json"), wide_records(file * 40, 60, 2000));
    }
    clean.ingest();
    bucket.put_logs(&clean, "logs/");
    clean
}

/// Every request is cut, throttled or left alone by chance, the same in every run.
fn mixed(seen: &Seen) -> Fault {
    match scattered(seen.number as u64, 12) {
        0 => Fault::Cut,
        1 => Fault::SlowDown,
        2 => Fault::LoseAnswer,
        3 => Fault::CutBody,
        4 => Fault::Refuse(500, "InternalError"),
        5 => Fault::Refuse(400, "RequestTimeout"),
        6 => Fault::Delay(Duration::from_millis(50)),
        _ => Fault::None,
    }
}

fn ingest_and_queries_come_through_a_bad_line(bucket: Bucket) {
    let clean = logs(&bucket, 20);
    let proxy = FaultProxy::start(bucket.address, mixed);
    let near = bucket.through(proxy.address);
    let (place, lake) = (Place::new(), bucket.url("lake"));
    let account = ingest(&place, &near, &["--lake", &lake, "--batch-bytes", "40000", &bucket.url("logs/")]);
    assert_eq!(account["kept"].as_u64(), Some(clean.rows().len() as u64), "{account}");
    assert_eq!(rows(&place, &near, &lake), clean.rows());
    assert_eq!(ingest(&place, &near, &["--lake", &lake, &bucket.url("logs/")])["read"], 0);
    let faults = proxy.seen().iter().filter(|seen| mixed(seen) != Fault::None).count();
    assert!(faults > 20, "{faults} faults");
}

fn a_commit_whose_answer_gets_lost_is_done_once(bucket: Bucket) {
    let clean = logs(&bucket, 10);
    // The attempt that follows finds the commit in place, as if another writer had made it.
    let mut lost = Vec::new();
    let proxy = FaultProxy::start(bucket.address, move |seen| {
        if seen.is_commit() && !lost.contains(&seen.path) {
            lost.push(seen.path.clone());
            return Fault::LoseAnswer;
        }
        Fault::None
    });
    let near = bucket.through(proxy.address);
    let (place, lake) = (Place::new(), bucket.url("lake"));
    let account = ingest(&place, &near, &["--lake", &lake, "--batch-bytes", "20000", &bucket.url("logs/")]);
    assert!(account["commits"].as_u64() > Some(2), "{account}");
    assert_eq!(rows(&place, &bucket, &lake), clean.rows());
    assert_eq!(ingest(&place, &bucket, &["--lake", &lake, &bucket.url("logs/")])["read"], 0);
}

fn a_file_that_cannot_be_fetched_is_named_and_taken_the_next_time(bucket: Bucket) {
    let clean = logs(&bucket, 5);
    let proxy = FaultProxy::start(bucket.address, |_| Fault::None);
    let near = bucket.through(proxy.address);
    for (fault, reason) in [
        (Fault::Refuse(403, "AccessDenied"), "access denied (AccessDenied"),
        (Fault::Refuse(403, "InvalidObjectState"), "it is archived"),
        (Fault::Refuse(400, "KMS.DisabledException"), "its KMS key cannot be used"),
        (Fault::SlowDown, "the store does not answer (SlowDown"),
        (Fault::Cut, "the store does not answer"),
        (Fault::CutBody, "the store does not answer"),
    ] {
        let place = Place::new();
        proxy.set_rule(move |seen| if seen.path.ends_with("/logs/002.json") { fault } else { Fault::None });
        let mut command = place.trailql_on(&near);
        command.env("AWS_MAX_ATTEMPTS", "3").args(["ingest", &bucket.url("logs/")]);
        let (code, message) = outcome(&command.output().unwrap());
        assert_eq!(code, 1, "{message}");
        assert!(message.contains(&format!("{} cannot be read: {reason}", bucket.url("logs/002.json"))), "{message}");
        assert!(message.contains("4 read, 1 failed"), "{message}");
        proxy.set_rule(|_| Fault::None);
        let account = ingest(&place, &near, &[&bucket.url("logs/")]);
        assert_eq!((account["files"]["read"].as_u64(), account["files"]["known"].as_u64()), (Some(1), Some(4)));
        assert_eq!(place.rows(), clean.rows());
    }
}

fn objects_that_change_or_vanish_after_the_listing_are_failures(bucket: Bucket) {
    logs(&bucket, 3);
    let direct = bucket.through(bucket.address);
    let proxy = FaultProxy::start(bucket.address, move |seen| {
        if seen.method == "GET" && seen.path.ends_with("/logs/000.json") {
            direct.put("logs/000.json", records(5000, 60));
        }
        if seen.method == "GET" && seen.path.ends_with("/logs/001.json") {
            direct.request("DELETE", "logs/001.json", b"");
        }
        Fault::None
    });
    let place = Place::new();
    let near = bucket.through(proxy.address);
    let (code, message) = outcome(&place.trailql_on(&near).args(["ingest", &bucket.url("logs/")]).output().unwrap());
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("000.json cannot be read: it was replaced in the meantime"), "{message}");
    assert!(message.contains("001.json cannot be read: no such object"), "{message}");
    assert_eq!(place.rows().len(), 60);
    assert_eq!(ingest(&place, &bucket, &[&bucket.url("logs/")])["kept"], 60);
}

fn a_store_that_goes_away_ends_the_run_and_the_next_one_finishes(bucket: Bucket) {
    let clean = logs(&bucket, 40);
    for (fault, reason) in [
        (Fault::Cut, "the store does not answer"),
        (Fault::Refuse(400, "ExpiredToken"), "the credentials do not serve (ExpiredToken"),
    ] {
        let lake = bucket.url(&format!("lake-{}", reason.len()));
        let place = Place::new();
        let proxy = FaultProxy::start(bucket.address, move |seen| {
            let file = seen.path.split_once("/logs/").and_then(|(_, name)| name.get(..3)?.parse::<usize>().ok());
            if file.is_some_and(|file| file >= 12) { fault } else { Fault::None }
        });
        let near = bucket.through(proxy.address);
        let mut command = place.trailql_on(&near);
        command.env("AWS_MAX_ATTEMPTS", "2").args(["--lake", &lake, "ingest", "--batch-bytes", "20000"]);
        let (code, message) = outcome(&command.arg(bucket.url("logs/")).output().unwrap());
        assert_eq!(code, 1, "{message}");
        assert!(message.contains("no other file either") && message.contains(reason), "{message}");
        ingest(&place, &bucket, &["--lake", &lake, &bucket.url("logs/")]);
        assert_eq!(rows(&place, &bucket, &lake), clean.rows());
    }
}

fn a_lake_that_cannot_be_written_reads_as_before(bucket: Bucket) {
    let clean = logs(&bucket, 10);
    let proxy = FaultProxy::start(bucket.address, |_| Fault::None);
    let near = bucket.through(proxy.address);
    let (place, lake) = (Place::new(), bucket.url("lake"));
    let run = || {
        let mut command = place.trailql_on(&near);
        command.env("AWS_MAX_ATTEMPTS", "2").args(["--lake", &lake, "ingest", "-q", "--batch-bytes", "20000"]);
        outcome(&command.arg(bucket.url("logs/")).output().unwrap())
    };
    for part in ["/region", "/_ledger/", "/_delta_log/"] {
        for fault in [Fault::Refuse(403, "AccessDenied"), Fault::Cut, Fault::LoseAnswer] {
            proxy.set_rule(move |seen| {
                let is_hit = seen.method == "PUT" && seen.path.contains(part) && !seen.path.ends_with("0.json");
                if is_hit { fault } else { Fault::None }
            });
            let (code, message) = run();
            let is_done = part == "/_delta_log/" && fault == Fault::LoseAnswer;
            assert!(code == 1 || is_done, "{part} {fault:?}: {message}");
            let found = rows(&place, &bucket, &lake);
            let whole = clean.rows();
            assert!(found.iter().all(|row| whole.binary_search(row).is_ok()), "{part} {fault:?}");
            assert!(found.windows(2).all(|pair| pair[0] != pair[1]), "{part} {fault:?}: a row twice");
        }
    }
    proxy.set_rule(|_| Fault::None);
    let (code, message) = run();
    assert_eq!(code, 0, "{message}");
    assert_eq!(rows(&place, &bucket, &lake), clean.rows());
}

fn a_server_without_conditional_writes_is_refused(bucket: Bucket) {
    logs(&bucket, 1);
    // What a server does that does not know the header: it takes what comes.
    let direct = bucket.through(bucket.address);
    let proxy = FaultProxy::start(bucket.address, move |seen| {
        if seen.path.contains("/_ledger/probe-") && seen.method == "PUT" {
            direct.request("DELETE", key_of(&seen.path), b"");
        }
        Fault::None
    });
    let near = bucket.through(proxy.address);
    let (place, lake) = (Place::new(), bucket.url("lake"));
    let mut command = place.trailql_on(&near);
    let output = command.args(["--lake", &lake, "ingest", &bucket.url("logs/")]).output().unwrap();
    let (code, message) = outcome(&output);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("cannot hold a lake") && message.contains("If-None-Match"), "{message}");
    assert!(bucket.keys("lake/").is_empty());
}

/// The key in a path such as `/bucket-1/lake/_ledger/probe-1`.
fn key_of(path: &str) -> &str {
    path[1..].split_once('/').unwrap().1
}

fn a_query_over_a_line_that_breaks_for_good_fails_clearly(bucket: Bucket) {
    let clean = logs(&bucket, 5);
    let (place, lake) = (Place::new(), bucket.url("lake"));
    ingest(&place, &bucket, &["--lake", &lake, &bucket.url("logs/")]);
    let proxy = FaultProxy::start(bucket.address, |seen| {
        if seen.path.ends_with(".parquet") && seen.path.contains("/region") { Fault::CutBody } else { Fault::None }
    });
    let near = bucket.through(proxy.address);
    let mut command = place.trailql_on(&near);
    command.env("AWS_MAX_ATTEMPTS", "2").args(["--lake", &lake, "sql", "-c", "SELECT eventname FROM cloudtrail_logs"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
    assert_eq!(rows(&place, &bucket, &lake), clean.rows());
}

fn a_large_object_comes_in_pieces_over_a_bad_line(bucket: Bucket) {
    let event = |n: usize| {
        let filler = format!("{n:05}").repeat(12_000);
        format!(
            r#"{{"eventVersion":"1.08","eventID":"{n}","eventTime":"2024-03-01T10:00:00Z","requestParameters":"{filler}"}}"#
        )
    };
    let events: Vec<String> = (0..1200).map(event).collect();
    let content = format!("{{\"Records\":[{}]}}", events.join(","));
    assert!(content.len() > 64 << 20);
    bucket.put("large.json", content);
    let proxy = FaultProxy::start(bucket.address, |seen| match seen.number % 3 {
        1 => Fault::CutBody,
        _ => Fault::None,
    });
    let near = bucket.through(proxy.address);
    let place = Place::new();
    let account = ingest(&place, &near, &[&bucket.url("large.json")]);
    assert_eq!((account["kept"].as_u64(), account["files"]["failed"].as_u64()), (Some(1200), Some(0)), "{account}");
    let query = "SELECT count(*) AS n FROM cloudtrail_logs WHERE length(requestparameters) = 60002";
    let output = place.trailql().args(["sql", "-c", query]).output().unwrap();
    assert!(text(&output.stdout).contains("1200"), "{}", text(&output.stdout));
}
