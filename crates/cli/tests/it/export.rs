//! Results in files, folders and buckets: whole or not at all, whatever happens to the process.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::s3_server::{Bucket, encoded, on_each_server};
use crate::support::{Place, outcome, records, text};

/// So many rows that they are never all written while a test looks on.
const ENDLESS: &str =
    "SELECT value, value % 7 AS part, rpad('x', 100, 'x') AS filler FROM generate_series(1, 4000000000)";

/// Rows of more than one part of an upload, then one that cannot be computed.
const FAILING: &str = "SELECT rpad('x', 100, 'x') AS filler, 1 / (value - 200000) AS x FROM generate_series(1, 200000)";

/// A place with a lake of a few events.
fn place() -> Place {
    let place = Place::new();
    place.log("a.json", records(0, 9));
    place.ingest();
    place
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Waits until an export has written something somewhere below its hidden file or folder.
fn wait_for_bytes(folder: &Path) {
    fn bytes(path: &Path) -> u64 {
        match fs::read_dir(path) {
            Ok(entries) => entries.flatten().map(|entry| bytes(&entry.path())).sum(),
            Err(_) => fs::metadata(path).map_or(0, |metadata| metadata.len()),
        }
    }
    while bytes(folder) == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn stop(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
}

#[test]
fn a_killed_export_leaves_no_result_and_an_interrupted_one_leaves_nothing() {
    let place = place();
    for (target, more) in [("out/result.csv", &[][..]), ("out/parts", &["--partition-by", "part"])] {
        for (signal, code) in [("-KILL", None), ("-INT", Some(130))] {
            let folder = place.path("out");
            fs::create_dir_all(&folder).unwrap();
            let mut command = place.trailql();
            command.args(["sql", "--quiet", "-c", ENDLESS, "-o", target]).args(more).env("TRAILQL_MEMORY", "100MiB");
            let mut child = command.stderr(Stdio::null()).spawn().unwrap();
            if more.is_empty() {
                wait_for_bytes(&folder);
            } else {
                // Sorting, which goes on for as long as the rows do.
                while names(&folder).is_empty() {
                    std::thread::sleep(Duration::from_millis(20));
                }
            }
            stop(&child, signal);
            assert_eq!(child.wait().unwrap().code(), code);
            assert!(!place.path(target).exists(), "{target} {signal}");
            assert!(code.is_none() || names(&folder).is_empty(), "{:?}", names(&folder));
            fs::remove_dir_all(&folder).unwrap();
        }
    }
}

#[test]
fn names_choose_format_and_compression() {
    let place = place();
    let query = "SELECT eventid FROM cloudtrail_logs WHERE eventid = 'event-1'";
    let run = |arguments: &[&str]| {
        let output = place.trailql().args(["sql", "-c", query]).args(arguments).output().unwrap();
        assert_eq!(outcome(&output), (0, String::new()), "{arguments:?}");
    };
    run(&["-o", "a.jsonl"]);
    assert_eq!(fs::read_to_string(place.path("a.jsonl")).unwrap(), "{\"eventid\":\"event-1\"}\n");
    run(&["-o", "a.parquet"]);
    assert_eq!(&fs::read(place.path("a.parquet")).unwrap()[..4], b"PAR1");
    run(&["-o", "a.csv.gz", "--no-header"]);
    let mut unpacked = String::new();
    let mut reader = flate2::read::GzDecoder::new(fs::File::open(place.path("a.csv.gz")).unwrap());
    std::io::Read::read_to_string(&mut reader, &mut unpacked).unwrap();
    assert_eq!(unpacked, "event-1\r\n");
    run(&["-o", "a", "--format", "csv", "--compress", "zstd"]);
    assert_eq!(fs::read(place.path("a")).unwrap()[..4], [0x28, 0xB5, 0x2F, 0xFD]);
}

#[test]
fn a_manifest_lies_beside_the_file() {
    let place = place();
    let arguments =
        ["sql", "-c", "SELECT 1 AS a", "-o", "calls.csv.gz", "--no-header", "--quicksight-manifest", "s3://b/x/"];
    let output = place.trailql().args(arguments).output().unwrap();
    assert_eq!(outcome(&output), (0, String::new()));
    let manifest: Value = serde_json::from_slice(&fs::read(place.path("calls.manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["fileLocations"][0]["URIs"][0], "s3://b/x/calls.csv.gz");
    assert_eq!(manifest["globalUploadSettings"]["containsHeader"], "false");
    for (arguments, part) in [
        (&["-o", "c.parquet"][..], "does not read parquet"),
        (&["-o", "c.csv.zst"], "does not read zstd"),
        (&["-o", "c/", "--format", "csv", "--partition-by", "a"], "does not read partitions"),
    ] {
        let mut command = place.trailql();
        command.args(["sql", "-c", "SELECT 1 AS a", "--quicksight-manifest", "s3://b/x/"]).args(arguments);
        let (code, error) = outcome(&command.output().unwrap());
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn wrong_places_are_told() {
    let place = place();
    for (arguments, expected, part) in [
        (&["-o", "gs://b/x.csv"][..], 2, "cannot be written to gs://"),
        (&["-o", "x.pdf"], 2, "x.pdf does not say in which format"),
        (&["-o", "x.txt.gz"], 2, "does not say in which format"),
        (&["-o", "none/x.csv"], 1, "writing none/x.csv"),
        (&["-o", "x.parquet", "--compress", "gzip"], 2, "zstd, snappy or none"),
        (&["--partition-by", "a"], 2, "--output"),
        (&["-o", "x", "--partition-by", "b"], 1, "no column 'b' to partition by; the query has a"),
        (&["-o", "lake/", "--format", "csv"], 1, "is not empty"),
    ] {
        let output = place.trailql().args(["sql", "-c", "SELECT 1 AS a"]).args(arguments).output().unwrap();
        let (code, error) = outcome(&output);
        assert_eq!(code, expected, "{arguments:?}: {error}");
        assert!(error.contains(part), "{error}");
    }
}

on_each_server!(
    results_go_to_buckets,
    a_partitioned_export_to_a_bucket_is_whole_or_not_there,
    nothing_of_an_unfinished_object_is_seen_or_left,
);

/// Uploads of an object that were begun and neither completed nor taken back.
fn unfinished(bucket: &Bucket, key: &str) -> usize {
    let query = format!("prefix={}&uploads=", encoded(key, ""));
    text(&bucket.ask("GET", "", &query, b"").body).matches("<UploadId>").count()
}

fn body(bucket: &Bucket, key: &str) -> String {
    let answer = bucket.request("GET", key, b"");
    assert_eq!(answer.status, 200, "{key}");
    text(&answer.body)
}

fn results_go_to_buckets(bucket: Bucket) {
    let place = place();
    let run = |arguments: &[&str]| {
        let output = place.trailql_on(&bucket).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    run(&["sql", "-c", "SELECT 1 AS a", "-o", &bucket.url("x/small.csv"), "--quicksight-manifest", &bucket.url("x")]);
    assert_eq!(body(&bucket, "x/small.csv"), "a\r\n1\r\n");
    assert!(body(&bucket, "x/small.manifest.json").contains(&bucket.url("x/small.csv")));
    // More than two parts of an upload.
    let query = "SELECT value, rpad('x', 100, 'x') AS filler FROM generate_series(1, 200000) ORDER BY 1";
    let copy = format!("COPY ({query}) TO '{}'", bucket.url("x/large.csv"));
    assert_eq!(run(&["sql", "-c", &copy]), "count\r\n200000\r\n");
    let large = body(&bucket, "x/large.csv");
    assert!(large.lines().skip(1).enumerate().all(|(at, line)| line.starts_with(&format!("{},xxx", at + 1))));
    assert_eq!(large.lines().count(), 200_001);
    run(&["report", "run", "dashboards", "--format", "csv", "-o", &bucket.url("extracts/")]);
    assert!(body(&bucket, "extracts/calls_per_hour.csv").starts_with("day,hour,account,"));
    run(&["report", "run", "usage", "--quiet", "-o", &bucket.url("usage.html")]);
    assert!(body(&bucket, "usage.html").contains("</html>"));
    assert_eq!(unfinished(&bucket, "x/large.csv"), 0);
}

fn a_partitioned_export_to_a_bucket_is_whole_or_not_there(bucket: Bucket) {
    let place = place();
    let url = bucket.url("calls/");
    let run = |query: &str, more: &[&str]| {
        let mut command = place.trailql_on(&bucket);
        command.args(["sql", "--quiet", "-c", query, "-o", &url, "--format", "csv", "--partition-by", "region"]);
        outcome(&command.args(more).output().unwrap())
    };
    let (code, error) = run(&format!("SELECT *, value % 2 AS region FROM ({FAILING}), generate_series(1, 1)"), &[]);
    assert_eq!(code, 1);
    assert!(error.to_lowercase().contains("divide by zero"), "{error}");
    assert_eq!(bucket.keys("calls/"), Vec::<String>::new());
    let query = "SELECT region, eventid FROM cloudtrail_logs ORDER BY eventid";
    assert_eq!(run(query, &[]), (0, String::new()));
    let keys = ["calls/_SUCCESS", "calls/region=eu-west-1/data.csv", "calls/region=us-east-1/data.csv"];
    assert_eq!(bucket.keys("calls/"), keys);
    assert_eq!(body(&bucket, keys[2]), "eventid\r\nevent-0\r\nevent-2\r\nevent-4\r\nevent-6\r\nevent-8\r\n");
    let (code, error) = run(query, &[]);
    assert_eq!(code, 1);
    assert!(error.contains("is not empty"), "{error}");
    assert_eq!(run("SELECT 'us-east-1' AS region, 1 AS a", &["--overwrite"]), (0, String::new()));
    assert_eq!((bucket.keys("calls/").len(), body(&bucket, keys[2]).as_str()), (3, "a\r\n1\r\n"));
    assert_eq!(unfinished(&bucket, keys[2]), 0);
}

fn nothing_of_an_unfinished_object_is_seen_or_left(bucket: Bucket) {
    let place = place();
    let url = bucket.url("out.csv");
    let output = place.trailql_on(&bucket).args(["sql", "-c", FAILING, "-o", &url]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!((bucket.keys(""), unfinished(&bucket, "out.csv")), (Vec::new(), 0));
    for (signal, code, left) in [("-INT", Some(130), 0), ("-KILL", None, 1)] {
        let mut command = place.trailql_on(&bucket);
        let mut child = command.args(["sql", "-c", ENDLESS, "-o", &url]).stderr(Stdio::null()).spawn().unwrap();
        while unfinished(&bucket, "out.csv") == 0 {
            std::thread::sleep(Duration::from_millis(50));
        }
        stop(&child, signal);
        assert_eq!(child.wait().unwrap().code(), code);
        assert_eq!((bucket.keys(""), unfinished(&bucket, "out.csv")), (Vec::new(), left));
    }
}
