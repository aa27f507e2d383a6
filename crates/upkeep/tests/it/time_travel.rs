//! The lake as it was.

use chrono::{TimeDelta, Utc};
use trailql_lake::{AsOf, Lake};
use trailql_store::Stores;

use crate::support::{Place, rows};

#[tokio::test]
async fn every_version_reads_as_it_was() {
    let place = Place::with_files(3).await;
    let lake = place.lake().await;
    let newest = lake.snapshot().version;
    place.optimize().await;
    let mut counts = Vec::new();
    for version in 0..=newest + 1 {
        let lake = place.lake().await.at(AsOf::Version(version)).await.unwrap();
        assert_eq!(lake.snapshot().version, version);
        counts.push(rows(&lake).await.len());
    }
    assert_eq!(counts, [0, 40, 60, 80, 80]);
    assert_eq!(rows(&lake).await, place.rows().await);
}

#[tokio::test]
async fn a_time_gives_the_newest_version_before_it() {
    let place = Place::with_files(4).await;
    let lake = place.lake().await;
    for version in 0..=lake.snapshot().version {
        let time = lake.commit_time(version).await.unwrap().unwrap();
        let next = lake.commit_time(version + 1).await.unwrap();
        if next == Some(time) {
            continue;
        }
        assert_eq!(lake.at(AsOf::Time(time)).await.unwrap().snapshot().version, version);
    }
    assert_eq!(lake.at(AsOf::Time(Utc::now())).await.unwrap().snapshot().version, 4);
}

#[tokio::test]
async fn what_there_is_not_is_said() {
    let place = Place::with_files(1).await;
    let lake = place.lake().await;
    let error = lake.at(AsOf::Version(7)).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no version 7; the newest is 1");
    let error = lake.at(AsOf::Time(Utc::now() - TimeDelta::days(3))).await.unwrap_err().to_string();
    assert!(error.starts_with("there is no version from ") && error.contains("begins with version 0"), "{error}");
}

#[tokio::test]
async fn history_names_each_version_with_its_counts() {
    let place = Place::with_files(2).await;
    place.optimize().await;
    let lake = place.lake().await;
    let history = lake.history(10).await.unwrap();
    let versions: Vec<_> = history.iter().map(|commit| commit.version.unwrap()).collect();
    assert_eq!(versions, [3, 2, 1, 0]);
    let operations: Vec<_> = history.iter().map(|commit| commit.operation.clone().unwrap()).collect();
    assert_eq!(operations, ["OPTIMIZE", "WRITE", "WRITE", "CREATE TABLE"]);
    assert_eq!(history[2].metrics["trailql.kept"], 40);
    assert!(history[0].metrics["trailql.filesRemoved"].as_u64() > history[0].metrics["trailql.filesAdded"].as_u64());
    assert_eq!(lake.history(2).await.unwrap().len(), 2);
    assert_eq!(lake.at(AsOf::Version(1)).await.unwrap().history(10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_lake_of_many_commits_is_opened_from_a_checkpoint() {
    let place = Place::with_files(2).await;
    place.make_commits(24).await;
    let hint = std::fs::read_to_string(place.root().join("_delta_log/_last_checkpoint")).unwrap();
    assert!(hint.contains("\"version\":24"), "{hint}");
    // Without the older commits only the checkpoint can tell.
    for version in 0..24 {
        std::fs::remove_file(place.root().join(format!("_delta_log/{version:020}.json"))).unwrap();
    }
    let lake = Lake::open(&Stores::default(), &place.location()).await.unwrap();
    assert_eq!((rows(&lake).await.len(), lake.ledger().object_count()), (60, 2));
}
