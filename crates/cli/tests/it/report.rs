//! `trailql report` from the outside.

use std::fs;
use std::io::Read;
use std::process::Output;

use serde_json::Value;

use crate::support::{Place, outcome, records, text};

/// A place with a lake of `count` events, three a day apart.
fn place(count: usize) -> Place {
    let place = Place::new();
    place.log("a.json", records(0, count));
    place.ingest();
    place
}

fn report(place: &Place, arguments: &[&str]) -> Output {
    place.trailql().arg("report").args(arguments).output().unwrap()
}

fn stdout(place: &Place, arguments: &[&str]) -> String {
    let output = report(place, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn lists_and_shows_the_library() {
    let place = Place::new();
    let list = stdout(&place, &["list"]);
    assert!(list.contains("cis_4_03_root_use") && list.contains("nist-800-53"), "{list}");
    assert!(stdout(&place, &["list", "--tag", "mitre:T1110"]).contains("sign_in_brute_force"));
    let shown = stdout(&place, &["show", "sign_in_brute_force"]);
    assert!(shown.contains("--param minimum=…") && shown.contains("HAVING count(*) >= $minimum"), "{shown}");
    assert!(stdout(&place, &["show", "pci-dss"]).contains("10.2.1.6"));
    let (code, error) = outcome(&report(&place, &["show", "sign_in_brute_farce"]));
    assert_eq!(code, 2);
    assert!(error.contains("did you mean 'sign_in_brute_force'?"), "{error}");
}

#[test]
fn a_report_in_a_window_is_reproducible_and_comparable() {
    let place = place(9);
    let run = |output: &str, more: &[&str]| {
        let arguments = ["run", "usage", "cis", "--quiet", "-o", output, "--format"];
        stdout(&place, &[&arguments[..], &[output.rsplit('.').next().unwrap()], more].concat());
    };
    run("a.json", &["--until", "2024-03-03"]);
    run("b.html", &["--until", "2024-03-03"]);
    run("c.json", &[]);
    let document: Value = serde_json::from_slice(&fs::read(place.path("a.json")).unwrap()).unwrap();
    assert_eq!(
        (document["source"]["events"].as_u64(), document["source"]["lake_version"].as_u64()),
        (Some(6), Some(1))
    );
    assert_eq!(document["packs"][0]["name"], "cis");
    assert!(stdout(&place, &["diff", "a.json", "b.html"]).contains(" the same, 0 different"));
    let (code, _) = outcome(&report(&place, &["diff", "a.json", "c.json"]));
    assert_eq!(code, 1);
    assert_eq!(outcome(&report(&place, &["diff", "a.json", "none.json"])).0, 2);
}

#[test]
fn a_folder_gets_a_file_per_query() {
    let place = place(9);
    stdout(&place, &["run", "dashboards", "--format", "csv", "-o", "extracts/"]);
    let csv = fs::read_to_string(place.path("extracts/calls_per_hour.csv")).unwrap();
    assert!(csv.starts_with("day,hour,account,region,eventsource,calls,errors,changes\r\n"), "{csv}");
    assert_eq!(fs::read_dir(place.path("extracts")).unwrap().count(), 6);
    let manifest = ["--compress", "gzip", "--quicksight-manifest", "s3://bucket/extracts/"];
    stdout(&place, &[&["run", "calls_per_hour", "--format", "csv", "-o", "packed/"], &manifest[..]].concat());
    let mut unpacked = String::new();
    let packed = fs::File::open(place.path("packed/calls_per_hour.csv.gz")).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, csv);
    let manifest: Value =
        serde_json::from_slice(&fs::read(place.path("packed/calls_per_hour.manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["fileLocations"][0]["URIs"][0], "s3://bucket/extracts/calls_per_hour.csv.gz");
    let (code, error) = outcome(&report(&place, &["run", "dashboards", "--format", "csv"]));
    assert_eq!(code, 2);
    assert!(error.contains("-o DIR/"), "{error}");
}

#[test]
fn a_failed_query_is_told_and_leaves_no_file() {
    let place = place(3);
    fs::write(place.path("bad.sql"), "SELECT nonsense FROM cloudtrail_logs").unwrap();
    for format in ["csv", "parquet"] {
        let output = report(&place, &["run", "bad.sql", "--format", format, "-o", "out"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(!place.path("out").exists());
    }
    let (code, error) = outcome(&report(&place, &["run", "bad.sql", "--format", "json", "-o", "out.json"]));
    assert_eq!(code, 1);
    assert!(error.contains("nonsense"), "{error}");
}

#[test]
fn parameters_are_checked_before_anything_runs() {
    let place = Place::new();
    for (arguments, part) in [
        (&["run", "principal_activity"][..], "--param principal="),
        (&["run", "error_bursts", "--param", "minimum=0"], "1..1000000"),
        (&["run", "error_bursts", "--param", "minumum=3"], "has a parameter 'minumum'"),
    ] {
        let (code, error) = outcome(&report(&place, arguments));
        assert_eq!(code, 2, "{arguments:?}");
        assert!(error.contains(part), "{error}");
    }
    let shown = stdout(&place, &["run", "error_bursts", "--param", "minimum=3", "--dry-run"]);
    assert!(shown.contains("investigate/error_bursts.sql  minimum=3"), "{shown}");
}
