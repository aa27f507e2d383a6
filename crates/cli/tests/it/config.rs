//! `trailql.toml`, from the outside.

use std::fs;
use std::process::Output;

use crate::support::{Place, text};

const EVENT: &str = r#"{"Records":[{"eventVersion":"1.08","eventTime":"2024-03-01T00:00:00Z","eventName":"A","awsRegion":"eu-west-1","eventID":"a","eventSource":"x"},{"eventVersion":"1.08","eventTime":"2024-03-01T00:00:00Z","eventName":"B","awsRegion":"us-east-1","eventID":"b","eventSource":"x"}]}"#;

/// A place with one log file and a `trailql.toml` of this text, and no lake in the environment.
fn place(config: &str) -> Place {
    let place = Place::new();
    place.log("a.json", EVENT);
    fs::write(place.path("trailql.toml"), config).unwrap();
    place
}

fn run(place: &Place, arguments: &[&str]) -> Output {
    place.trailql().env_remove("TRAILQL_LAKE").args(arguments).output().unwrap()
}

#[test]
fn a_source_of_the_file_is_ingested_with_its_filters_into_the_lake_of_the_file() {
    let place =
        place("lake = 'prod'\n[lakes.prod]\nurl = 'data/lake'\n[sources.org]\nurl = 'logs'\nregions = ['eu-west-1']\n");
    for arguments in [vec!["ingest", "--quiet"], vec!["ingest", "--quiet", "org"]] {
        let output = run(&place, &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    assert!(place.path("data/lake/_delta_log").is_dir());
    let rows = run(&place, &["sql", "--format", "csv", "-c", "SELECT eventname FROM cloudtrail_logs"]);
    assert_eq!(text(&rows.stdout), "eventname\r\nA\r\n");
    let output = run(&place, &["ingest", "--quiet", "--region", "us-east-1", "org"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let rows =
        run(&place, &["--lake", "prod", "sql", "--format", "csv", "-c", "SELECT count(*) AS n FROM cloudtrail_logs"]);
    assert_eq!(text(&rows.stdout), "n\r\n2\r\n");
}

#[test]
fn show_tells_where_each_value_came_from() {
    let place = place("[s3]\nregion = 'eu-west-1'\n");
    let shown = text(&run(&place, &["--lake", "here", "config", "show"]).stdout);
    let line = |key: &str| shown.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
    assert!(line("lake = \"here\"").ends_with("# --lake"), "{shown}");
    assert!(line("s3.region = \"eu-west-1\"").ends_with("trailql.toml:2"), "{shown}");
    assert!(line("follow.interval = \"1m\"").ends_with("# default"), "{shown}");
    let output = place
        .trailql()
        .env("AWS_ENDPOINT_URL", "https://s3.example")
        .args(["config", "show", "--json"])
        .output()
        .unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["s3.endpoint"]["value"], "https://s3.example");
    assert_eq!(shown["s3.endpoint"]["origin"], "environment AWS_ENDPOINT_URL");
}

#[test]
fn what_is_wrong_with_the_file_is_said_with_its_place() {
    let place = place("[lakes.prod]\nurll = 'x'\n");
    let output = run(&place, &["sql", "-c", "SELECT 1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("trailql.toml:2: there is no key lakes.prod.urll; did you mean lakes.prod.url?")
    );
    let output = run(&place, &["demo", "--help"]);
    assert_eq!(output.status.code(), Some(0));
    let output = run(&place, &["--config", "none.toml", "config", "show"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn nothing_to_ingest_is_wrong_usage() {
    let place = place("");
    let output = run(&place, &["ingest"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("put [sources] into trailql.toml"));
}
