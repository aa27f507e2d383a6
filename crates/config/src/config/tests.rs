use std::fs;

use tempfile::TempDir;

use super::*;

/// A folder with a `trailql.toml` of this text, and what loading it from there gives.
fn load(text: &str, environment: &[(&str, &str)]) -> (TempDir, Result<Config, ConfigError>) {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("trailql.toml"), text).expect("written");
    let variable = |name: &str| environment.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
    let config = Config::load_with(None, folder.path(), variable);
    (folder, config)
}

fn message(text: &str) -> String {
    let (folder, config) = load(text, &[]);
    config.expect_err("refused").to_string().replace(&folder.path().display().to_string(), "")
}

#[test]
fn every_default_is_a_value_of_its_kind() {
    for key in KEYS {
        if let Some(text) = key.default {
            assert!(Value::parse(text, key.kind).is_some(), "{}", key.path);
        }
    }
}

#[test]
fn flags_win_over_environment_over_file_over_default() {
    let text = "lake = 'a'\n[s3]\nendpoint = 'file'\n";
    let (_folder, config) = load(text, &[("AWS_ENDPOINT_URL", "second"), ("AWS_ENDPOINT_URL_S3", "first")]);
    let mut config = config.expect("loaded");
    assert_eq!(config.text("s3.endpoint"), Some("first"));
    assert_eq!(config.text("lake"), Some("a"));
    assert_eq!(config.get("follow.interval").map(|setting| &setting.origin), Some(&Origin::Default));
    config.set_flag("lake", "--lake", "b").expect("text");
    assert_eq!(config.text("lake"), Some("b"));
    assert_eq!(config.get("lake").map(|setting| setting.origin.to_string()), Some("--lake".to_owned()));
}

#[test]
fn a_file_is_found_upwards_and_its_paths_are_relative_to_it() {
    let text = "lake = 'here'\n[lakes.here]\nurl = 'data/lake'\n[lakes.there]\nurl = 's3://b/p'\n";
    let (folder, _) = load(text, &[]);
    let below = folder.path().join("a/b");
    fs::create_dir_all(&below).expect("made");
    let config = Config::load_with(None, &below, |_| None).expect("loaded");
    assert_eq!(config.file(), Some(folder.path().join("trailql.toml").as_path()));
    assert_eq!(config.lake_url().expect("a place"), folder.path().join("data/lake").to_str().expect("UTF-8"));
    assert_eq!(config.text("lakes.there.url"), Some("s3://b/p"));
    assert_eq!(config.names("lakes"), ["here", "there"]);
}

#[test]
fn says_where_a_key_is_unknown_and_which_was_meant() {
    assert_eq!(
        message("[lakes.prod]\nurl = 'x'\nretenton = '7d'\n"),
        "/trailql.toml:3: there is no key lakes.prod.retenton; did you mean lakes.prod.retention?"
    );
    assert_eq!(message("\n[source.a]\n"), "/trailql.toml:2: there is no key source; did you mean sources?");
    assert_eq!(message("zzz = 1\n"), "/trailql.toml:1: there is no key zzz");
    assert!(message("[s3]\nsecret_access_key = 'x'\n").contains("credentials do not belong into this file"));
}

#[test]
fn says_what_a_value_must_be() {
    assert_eq!(
        message("[s3]\nallow_http = 'yes'\n"),
        "/trailql.toml:2: s3.allow_http must be true or false, and not 'yes'"
    );
    assert!(message("[upkeep]\nretention = '7 years'\n").contains("a span of time"));
    assert!(message("lake = \n").starts_with("/trailql.toml:1: "));
    let folder = TempDir::new().expect("a folder");
    let missing = Config::load_with(Some(&folder.path().join("no.toml")), folder.path(), |_| None);
    assert!(matches!(missing, Err(ConfigError::Read { .. })));
}

#[test]
fn sources_and_policies_have_types() {
    let text = "lake = 'p'\n[lakes.p]\nurl = 's3://b'\nretention = '30d'\n[upkeep]\nretention = '400d'\noptimize_every = '0s'\n\
                [sources.org]\nurl = 's3://b/AWSLogs'\nsince = 2024-03-01\nregions = ['us-east-1']\nwhere = 'readonly = false'\n[sources.bad]\nsqs = 'q'\n";
    let (_folder, config) = load(text, &[]);
    let config = config.expect("loaded");
    let source = config.source("org").expect("whole").expect("there");
    assert_eq!(source.urls, ["s3://b/AWSLogs"]);
    assert_eq!(source.since.map(|time| time.timestamp()), Some(1_709_251_200));
    assert_eq!(source.condition.as_deref(), Some("readonly = false"));
    assert_eq!(config.source("none").expect("fine"), None);
    assert!(matches!(config.source("bad"), Err(ConfigError::Missing { .. })));
    let upkeep = config.upkeep();
    assert_eq!(upkeep.retention, TimeDelta::try_days(30));
    assert_eq!(upkeep.optimize_every, None);
    assert_eq!(upkeep.vacuum_after, TimeDelta::try_days(7));
}

#[test]
fn arrays_of_tables_are_tables_with_names() {
    let text = "[[schedule]]\nname = 'daily'\ncron = '0 9 * * *'\n[[schedule]]\nname = 'hourly'\ncron = '0 * * * *'\n";
    let (_folder, config) = load(text, &[]);
    let config = config.expect("loaded");
    assert_eq!(config.names("schedule"), ["daily", "hourly"]);
    assert_eq!(config.text("schedule.hourly.cron"), Some("0 * * * *"));
    assert!(message("[[schedule]]\ncron = '0 9 * * *'\n").contains("needs a name"));
    assert!(message(&text.replace("hourly", "daily")).contains("two [[schedule]] are named daily"));
    assert!(message("[[schedule]]\nname = 'a'\ncorn = '0 9 * * *'\n").contains("schedule.a.corn"));
}
