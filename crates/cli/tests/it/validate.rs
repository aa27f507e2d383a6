//! `trailql validate`: words, exit codes, reports, keys.

#[allow(dead_code, reason = "made for the tests of the crate that it is borrowed from")]
#[path = "../../../integrity/tests/it/key_server.rs"]
pub(crate) mod key_server;
#[allow(dead_code, reason = "made for the tests of the crate that it is borrowed from")]
#[path = "../../../integrity/tests/it/maker.rs"]
pub(crate) mod maker;

use std::process::{Command, Output};

use serde_json::Value;
use trailql_integrity::write_keys;

use crate::support::{Place, outcome, text};
use key_server::KeyServer;
use maker::{BUCKET, SigningKey, Trail, World};

/// A place with a copy of a bucket of six hours, and a file of keys.
fn place(change: impl FnOnce(&mut World, &Trail)) -> Place {
    let place = Place::new();
    let (mut world, mut trail) = (World::default(), Trail::new("main"));
    trail.deliver(&mut world, 0..6, 2);
    change(&mut world, &trail);
    world.write(&place.path(""), true);
    std::fs::write(place.path("keys.json"), write_keys(&[SigningKey::first().public])).unwrap();
    place
}

/// `trailql validate`, with nothing of the user's at hand.
fn validate(place: &Place, args: &[&str]) -> Command {
    let mut command = place.trailql();
    command.args(["validate", BUCKET, "--since", "2024-03-01", "--until", "2024-03-01T06:00:00Z"]).args(args);
    command.env("XDG_DATA_HOME", place.path("data")).env_remove("AWS_ENDPOINT_URL");
    command
}

fn validated(place: &Place, args: &[&str]) -> Output {
    validate(place, &[&["--offline", "--public-keys", "keys.json"], args].concat()).output().unwrap()
}

#[test]
fn a_valid_bucket_is_said_to_be_in_the_words_of_the_aws_cli() {
    let place = place(|_, _| {});
    let output = validated(&place, &[]);
    assert_eq!(outcome(&output), (0, String::new()));
    assert_eq!(
        text(&output.stdout),
        "Validating log files for trail arn:aws:cloudtrail:us-east-1:111122223333:trail/main in us-east-1 between \
         2024-03-01T00:00:00Z and 2024-03-01T06:00:00Z\n\n\
         Results requested for 2024-03-01T00:00:00Z to 2024-03-01T06:00:00Z\n\
         Results found for 2024-03-01T00:00:00Z to 2024-03-01T06:00:00Z:\n\n\
         6/6 digest files valid\n\
         12/12 log files valid\n\n\
         Every log file that was delivered is there and unaltered.\n"
    );
    let listed = text(&validated(&place, &["-v"]).stdout);
    assert_eq!(listed.lines().filter(|line| line.ends_with("\tvalid")).count(), 18);
}

#[test]
fn what_is_wrong_is_named_with_its_consequence_in_every_format() {
    let place = place(|world, trail| world.delete(&trail.log_key(2, 1)));
    let reports = ["--junit", "junit.xml", "--html", "report.html"];
    let output = validated(&place, &reports);
    let (code, message) = outcome(&output);
    let key = Trail::new("main").log_key(2, 1);
    assert_eq!(code, 1, "{message}");
    assert!(message.contains(&format!("Log file\ts3://{BUCKET}/{key}\tINVALID: not found\n")), "{message}");
    assert!(message.contains("its events are lost"), "{message}");
    let said = text(&output.stdout);
    assert!(said.contains("11/12 log files valid, 1/12 log files INVALID\n"), "{said}");

    let junit = std::fs::read_to_string(place.path("junit.xml")).unwrap();
    assert!(junit.contains(r#"tests="3" failures="1" errors="0""#), "{junit}");
    let html = std::fs::read_to_string(place.path("report.html")).unwrap();
    assert!(html.contains(&key) && html.contains("1 INVALID"), "{html}");

    let json: Value = serde_json::from_slice(&validated(&place, &["--json"]).stdout).unwrap();
    assert_eq!(
        (json["conclusion"].as_str(), json["total"]["log_files"]["valid"].as_u64()),
        (Some("invalid"), Some(11))
    );
    assert_eq!(json["findings"][0]["code"], "not_found");
    assert_eq!(json["findings"][0]["key"], key);
}

#[test]
fn what_cannot_be_checked_is_neither_valid_nor_invalid() {
    let place = place(|world, _| world.objects.values_mut().for_each(|object| object.metadata = Default::default()));
    let (code, message) = outcome(&validated(&place, &[]));
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("NOT CHECKED: its signature is not at hand"), "{message}");
}

#[test]
fn nothing_is_checked_without_keys_or_logs() {
    let place = place(|_, _| {});
    std::fs::write(place.path("broken.json"), "[]").unwrap();
    std::fs::create_dir(place.path("empty")).unwrap();
    let broken = validate(&place, &["--public-keys", "broken.json"]).output().unwrap();
    let keyless = validate(&place, &["--offline"]).output().unwrap();
    let empty = place.trailql().args(["validate", "empty", "--public-keys", "keys.json"]).output().unwrap();
    let url = place.trailql().args(["validate", "gs://bucket"]).output().unwrap();
    for (output, reason) in [
        (broken, "it holds no keys"),
        (keyless, "no public keys"),
        (empty, "no AWSLogs folder"),
        (url, "gs:// sources are not supported"),
    ] {
        let (code, message) = outcome(&output);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn keys_that_cloudtrail_gave_are_saved_for_a_run_without_it() {
    let place = place(|_, _| {});
    let server = KeyServer::start();
    server.hold(&[SigningKey::first().public]);
    let mut online = validate(&place, &[]);
    online.env("AWS_ENDPOINT_URL_CLOUDTRAIL", server.url());
    online.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    online.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    assert_eq!(outcome(&online.output().unwrap()), (0, String::new()));
    assert_eq!(outcome(&validate(&place, &["--offline"]).output().unwrap()), (0, String::new()));
}

#[test]
fn evidence_is_exported_and_validated_by_itself() {
    let place = place(|_, _| {});
    let (code, message) = outcome(&validated(&place, &["--export-evidence", "evidence"]));
    assert_eq!(code, 0, "{message}");
    assert!(message.contains("evidence of trail-bucket is in evidence"), "{message}");
    let mut offline = place.trailql();
    offline.args(["validate", "evidence", "--offline", "--public-keys", "evidence/public-keys.json"]);
    let output = offline.env("XDG_DATA_HOME", place.path("data")).output().unwrap();
    assert_eq!(outcome(&output), (0, String::new()));
    assert!(text(&output.stdout).contains("12/12 log files valid"));
}

#[test]
fn a_state_spares_reading_what_was_proved() {
    let place = place(|_, _| {});
    for expected in [0, 12] {
        let output = validated(&place, &["--state", "proved", "--json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["total"]["proved_before"].as_u64(), Some(expected));
        assert_eq!(json["conclusion"], "valid");
    }
}
