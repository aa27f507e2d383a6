//! A search for one value opens few files, by the lake's index of bloom filters.

use serde_json::Value;

use crate::s3::ingest;
use crate::s3_server::{Bucket, on_each_server};
use crate::support::{Place, text};

/// Days of the lake, each with a file of its own.
const DAYS: usize = 120;

const NEEDLE: &str = "SELECT eventname FROM cloudtrail_logs WHERE eventid = '3f2504e0-4f89-11d3-9a0c-0305e82c0077'";

/// A log file for each of [`DAYS`] days, ten events each, every ID another.
fn days() -> Place {
    let place = Place::new();
    for day in 0..DAYS {
        let date = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(day as u64);
        let events: Vec<String> = (0..10).map(|n| event(day * 10 + n, &date.to_string())).collect();
        place.log(&format!("{day}.json"), format!("{{\"Records\":[{}]}}", events.join(",")));
    }
    place
}

fn event(number: usize, date: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.08","eventID":"3f2504e0-4f89-11d3-9a0c-0305e82c{number:04}","eventTime":"{date}T10:00:00Z","awsRegion":"us-east-1","eventName":"Call{number}","userIdentity":{{"type":"IAMUser","accessKeyId":"AKIA{:04}"}}}}"#,
        number / 10
    )
}

fn sql(place: &Place, args: &[&str]) -> String {
    let output = place.trailql().args(["sql", "--format", "csv"]).args(args).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Files kept and row groups looked at, as `files=1/120, row_groups=1/1`.
fn looked_at(place: &Place, query: &str) -> String {
    let plan = sql(place, &["-c", &format!("EXPLAIN {query}")]);
    let start = plan.find("files=").unwrap_or_else(|| panic!("no scan in {plan}"));
    plan[start..].split(", projection").next().unwrap().to_owned()
}

#[test]
fn one_file_of_many_is_opened() {
    let place = days();
    assert_eq!(place.ingest()["kept"], DAYS * 10);
    assert_eq!(looked_at(&place, NEEDLE), "files=1/120, row_groups=1/1");
    assert_eq!(sql(&place, &["-c", NEEDLE]), "eventname\r\nCall77\r\n");
    let by_key = "SELECT count(*) AS n FROM cloudtrail_logs WHERE useridentity.accesskeyid IN ('AKIA0003', 'AKIA0100')";
    assert!(looked_at(&place, by_key).starts_with("files=2/120"), "{}", looked_at(&place, by_key));
    assert_eq!(sql(&place, &["-c", by_key]), "n\r\n20\r\n");
    let nobody = "SELECT count(*) AS n FROM cloudtrail_logs WHERE useridentity.accesskeyid = 'AKIA9999'";
    assert_eq!(sql(&place, &["-c", nobody]), "n\r\n0\r\n");
}

#[test]
fn a_lake_without_its_index_gives_the_same_answer() {
    let place = days();
    place.ingest();
    std::fs::remove_dir_all(place.path("lake/_index")).unwrap();
    assert_eq!(looked_at(&place, NEEDLE), "files=1/120, row_groups=1/120");
    assert_eq!(sql(&place, &["-c", NEEDLE]), "eventname\r\nCall77\r\n");
}

#[test]
fn the_index_follows_what_upkeep_does() {
    let place = days();
    place.ingest();
    for day in 0..DAYS {
        let date = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(day as u64);
        place.log(&format!("late-{day}.json"), event(2000 + day, &date.to_string()));
    }
    place.ingest();
    assert_eq!(looked_at(&place, NEEDLE), "files=1/240, row_groups=1/1");
    for args in [&["optimize"][..], &["expire", "--before", "2024-01-03"], &["vacuum", "--older-than", "0d"]] {
        let output = place.trailql().arg("lake").args(args).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(sql(&place, &["-c", NEEDLE]), "eventname\r\nCall77\r\n");
    }
    assert_eq!(looked_at(&place, NEEDLE), "files=1/118, row_groups=1/1");
    let segments = std::fs::read_dir(place.path("lake/_index")).unwrap().count();
    assert_eq!(segments, 1, "what was about merged files is gone");
    let late = NEEDLE.replace("0077", "2077");
    assert_eq!(sql(&place, &["-c", &late]), "eventname\r\nCall2077\r\n");
}

on_each_server!(a_search_in_a_bucket_takes_few_requests);

fn a_search_in_a_bucket_takes_few_requests(bucket: Bucket) {
    let place = days();
    let lake = bucket.url("lake");
    assert_eq!(ingest(&place, &bucket, &["--lake", &lake, "logs"])["kept"], DAYS * 10);
    let output = place.trailql_on(&bucket).args(["--lake", &lake, "sql", "--json", "-c", NEEDLE]).output().unwrap();
    assert_eq!(text(&output.stdout), "eventname\r\nCall77\r\n", "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert!(told["requests"].as_u64().unwrap() <= 4, "{told}");
}
