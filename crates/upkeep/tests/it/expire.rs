//! Old days go, and stay away.

use chrono::NaiveDate;
use trailql_lake::{AsOf, Lake};
use trailql_store::Stores;
use trailql_upkeep::{ExpireOptions, ExpireSummary, UpkeepError, expire};

use crate::support::{Place, records, rows};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn options(floor: &str) -> ExpireOptions {
    ExpireOptions { floor: day(floor), undated: false, dry_run: false }
}

async fn expired(place: &Place, options: &ExpireOptions) -> ExpireSummary {
    expire(&mut place.lake().await, options).await.unwrap()
}

/// Rows of the second and third day, and those without a time.
fn young(rows: &[String]) -> Vec<String> {
    rows.iter().filter(|row| !row.contains("2024-03-01T")).cloned().collect()
}

#[tokio::test]
async fn whole_days_go_in_one_commit() {
    let place = Place::with_files(4).await;
    let before = place.rows().await;
    let version = place.lake().await.snapshot().version;
    let summary = expired(&place, &options("2024-03-02")).await;
    assert_eq!(place.rows().await, young(&before));
    assert_eq!(summary.version, version + 1);
    assert_eq!(summary.days.len(), 1);
    assert_eq!(summary.days[0].day, Some(day("2024-03-01")));
    assert_eq!(summary.events as usize, before.len() - young(&before).len());
    assert!(summary.files > 1 && summary.bytes > 0);
    assert_eq!(rows(&place.lake().await.at(AsOf::Version(version)).await.unwrap()).await, before, "for time travel");
    let again = expired(&place, &options("2024-03-02")).await;
    assert_eq!((again.version, again.files), (version + 1, 0), "nothing is left to do");
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_changes_nothing() {
    let place = Place::with_files(2).await;
    let before = place.rows().await;
    let mut dry = options("2024-03-03");
    dry.dry_run = true;
    let said = expired(&place, &dry).await;
    assert_eq!(place.rows().await, before);
    assert_eq!(place.lake().await.retention_floor().await.unwrap(), None);
    dry.dry_run = false;
    let done = expired(&place, &dry).await;
    assert_eq!((said.days, said.files, said.events, said.bytes), (done.days, done.files, done.events, done.bytes));
}

#[tokio::test]
async fn events_without_a_time_go_only_when_asked_for() {
    let place = Place::with_files(4).await;
    let undated = |rows: &[String]| rows.iter().filter(|row| row.contains("\"soon\"")).count();
    assert!(undated(&place.rows().await) > 0);
    let mut options = options("2024-03-02");
    expired(&place, &options).await;
    assert!(undated(&place.rows().await) > 0);
    options.undated = true;
    let summary = expired(&place, &options).await;
    assert_eq!((summary.days.len(), summary.days[0].day), (1, None));
    assert_eq!(undated(&place.rows().await), 0);
}

#[tokio::test]
async fn expired_events_do_not_come_back() {
    let place = Place::with_files(4).await;
    expired(&place, &options("2024-03-02")).await;
    let kept = place.rows().await;
    // The same bucket, events of old days that were never seen, and all of it as new files.
    assert_eq!(place.ingest().await.files.known, 4);
    place.log("late.json", &records(1000, 30));
    place.log("again.json", &records(0, 100));
    let summary = place.ingest().await;
    let old = |records: String| records.matches("2024-03-01T").count() as u64;
    let expected = old(records(1000, 30)) + old(records(0, 100));
    assert_eq!((summary.expired, summary.filtered), (expected, expected));
    assert_eq!(summary.kept, 30 - old(records(1000, 30)));
    assert!(place.rows().await.iter().all(|row| !row.contains("2024-03-01T")));
    assert!(place.rows().await.len() > kept.len());
    assert_eq!(place.ingest().await.files.known, 6, "files with expired events are read once");
}

#[tokio::test]
async fn a_longer_retention_later_does_not_bring_them_back() {
    let place = Place::with_files(2).await;
    expired(&place, &options("2024-03-02")).await;
    let summary = expired(&place, &options("2023-01-01")).await;
    assert_eq!((summary.floor, summary.files), (day("2024-03-02"), 0));
    place.log("again.json", &records(0, 60));
    assert!(place.ingest().await.expired > 0);
    assert!(place.rows().await.iter().all(|row| !row.contains("2024-03-01T")));
}

#[tokio::test]
async fn the_floor_holds_for_a_lake_that_has_nothing_old_yet() {
    let place = Place::new();
    Lake::open_or_create(&Stores::default(), &place.location()).await.unwrap();
    assert_eq!(expired(&place, &options("2024-03-03")).await.files, 0);
    place.log("1.json", &records(0, 28));
    let summary = place.ingest().await;
    assert_eq!((summary.expired, summary.kept), (19, 9));
}

#[tokio::test]
async fn files_of_days_before_the_floor_are_not_even_read() {
    let place = Place::new();
    Lake::open_or_create(&Stores::default(), &place.location()).await.unwrap();
    expired(&place, &options("2024-04-10")).await;
    let folder = "AWSLogs/1/CloudTrail/us-east-1/2024/03/20";
    let logs = place.root().join("../logs").join(folder);
    std::fs::create_dir_all(&logs).unwrap();
    std::fs::write(logs.join("1_CloudTrail_us-east-1_20240320T0000Z_x.json"), records(0, 10)).unwrap();
    let summary = place.ingest().await;
    assert_eq!((summary.files.out_of_range, summary.read), (1, 0), "{summary:?}");
}

#[tokio::test]
async fn a_dry_ingest_counts_expired_events_as_well() {
    let place = Place::with_files(1).await;
    expired(&place, &options("2024-03-02")).await;
    place.log("new.json", &records(500, 30));
    let mut options = place.options();
    options.dry_run = true;
    let counted =
        trailql_ingest::ingest(&Stores::default(), &place.location(), &options, trailql_ingest::Progress::new())
            .await
            .unwrap();
    let done = place.ingest().await;
    assert!(done.expired > 0);
    assert_eq!((counted.expired, counted.kept, counted.filtered), (done.expired, done.kept, done.filtered));
}

#[tokio::test(flavor = "multi_thread")]
async fn expiring_beside_an_ingest_and_a_compaction_leaves_nothing_old() {
    let place = Place::with_files(6).await;
    for file in 6..40 {
        place.log(&format!("{file}.json"), &records(file * 20, 40));
    }
    let mut small = place.options();
    small.batch_bytes = 1;
    let location = place.location();
    let stores = Stores::default();
    let write = trailql_ingest::ingest(&stores, &location, &small, trailql_ingest::Progress::new());
    let expiry = options("2024-03-02");
    let (written, expired, _) = tokio::join!(write, expired(&place, &expiry), place.optimize());
    assert!(written.unwrap().kept > 0 && expired.files > 0);
    let rows = place.rows().await;
    assert!(rows.iter().all(|row| !row.contains("2024-03-01T")));
    let young =
        records(0, 40 * 20 + 20).matches("2024-03-0").count() - records(0, 40 * 20 + 20).matches("2024-03-01T").count();
    assert_eq!(rows.iter().filter(|row| !row.contains("\"soon\"")).count(), young);
}

#[tokio::test]
async fn a_floor_in_the_future_is_refused() {
    let place = Place::with_files(1).await;
    let error = expire(&mut place.lake().await, &options("2999-01-01")).await.unwrap_err();
    assert!(matches!(error, UpkeepError::FutureFloor { .. }), "{error}");
    assert_eq!(place.lake().await.retention_floor().await.unwrap(), None);
}
