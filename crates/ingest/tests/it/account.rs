//! Nothing silent: filters, dry runs and what the ledger remembers of them.

use trailql_ingest::Filters;

use crate::support::{Place, options, testdata};

fn log() -> String {
    let event = |id: u32, day: u32, region: &str| {
        format!(
            r#"{{"eventVersion":"1.08","eventID":"{id}","eventTime":"2024-03-{day:02}T10:00:00Z","awsRegion":"{region}"}}"#
        )
    };
    format!("[{},{},{}]", event(1, 1, "us-east-1"), event(2, 2, "eu-west-1"), event(3, 3, "us-east-1"))
}

#[tokio::test]
async fn a_file_taken_in_part_is_read_again_under_other_filters() {
    let place = Place::new();
    let log = place.log("1.json", log());
    let mut filtered = options(&[&log]);
    filtered.filters.regions = vec!["us-east-1".to_owned()];
    let summary = place.ingest_with(&filtered).await;
    assert_eq!((summary.kept, summary.filtered), (2, 1));
    assert_eq!(place.ingest_with(&filtered).await.files.known, 1, "the same filter has nothing new to find");
    let summary = place.ingest(&[&log]).await;
    assert_eq!((summary.kept, summary.duplicates), (1, 2));
    assert_eq!(place.ingest_with(&filtered).await.files.known, 1, "a file taken in whole is known to all filters");
}

#[tokio::test]
async fn the_day_of_delivery_rules_files_out() {
    let place = Place::new();
    let early = place.log("AWSLogs/1/CloudTrail/us-east-1/2024/02/28/a.json", log());
    let late = place.log("AWSLogs/1/CloudTrail/us-east-1/2024/05/28/a.json", log());
    let mut wanted = options(&[&early, &late]);
    wanted.filters = Filters {
        since: Some("2024-03-02T00:00:00Z".parse().unwrap()),
        until: Some("2024-03-03T00:00:00Z".parse().unwrap()),
        ..Filters::default()
    };
    let summary = place.ingest_with(&wanted).await;
    assert_eq!((summary.files.out_of_range, summary.read), (2, 0));
    assert_eq!(place.ingest(&[&early, &late]).await.kept, 3);
}

#[tokio::test]
async fn a_dry_run_counts_like_a_run_and_writes_nothing() {
    let (dry, real) = (Place::new(), Place::new());
    let folder = testdata().join("made");
    let mut options = options(&[folder.to_str().unwrap()]);
    options.dry_run = true;
    let counted = dry.ingest_with(&options).await;
    assert!(!std::path::Path::new(&dry.lake()).exists());
    options.dry_run = false;
    let done = real.ingest_with(&options).await;
    assert_eq!(counted.read, done.read);
    assert_eq!((counted.kept, counted.duplicates), (done.kept, done.duplicates));
    assert_eq!(counted.files.failed, done.files.failed);
}

#[tokio::test]
async fn odd_regions_and_days_become_partitions_that_read_back() {
    let place = Place::new();
    let event = |id: u32, region: &str| format!(r#"{{"eventID":"{id}","awsRegion":{region}}}"#);
    let regions = [r#""us east/1=%""#, r#""..""#, r#""""#, "null", "7", r#""é☃""#, &format!("\"{}\"", "x".repeat(300))];
    let events: Vec<_> = regions.iter().enumerate().map(|(id, region)| event(id as u32, region)).collect();
    let log = place.log("1.json", format!("[{}]", events.join(",")));
    let summary = place.ingest(&[&log]).await;
    assert_eq!((summary.kept, summary.untimed), (7, 7));
    let events = place.events().await;
    assert_eq!(events.len(), 7);
    assert_eq!(events.iter().filter(|event| event.starts_with("Some(\"unknown\") None")).count(), 3);
    assert!(events.iter().any(|event| event.starts_with("Some(\"us east/1=%\") None")));
}
