//! Fewer files, the same lake.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use trailql_ingest::ingest;
use trailql_store::Stores;
use trailql_upkeep::{OptimizeOptions, Progress, optimize};

use crate::support::{Place, records, rows};

#[tokio::test]
async fn many_small_files_become_one_a_partition_with_the_same_rows() {
    let place = Place::with_files(12).await;
    let before = place.rows().await;
    let snapshot = place.lake().await.snapshot();
    let partitions: BTreeSet<_> = snapshot.files.iter().map(|file| (file.region.clone(), file.date)).collect();
    assert!(snapshot.files.len() > 5 * partitions.len() && partitions.iter().any(|(_, date)| date.is_none()));
    let summary = place.optimize().await;
    assert_eq!((summary.files_removed, summary.files_added), (snapshot.files.len() as u64, partitions.len() as u64));
    assert_eq!((summary.events, summary.partitions), (before.len() as u64, partitions.len() as u64));
    assert!(summary.bytes_added < summary.bytes_removed);
    assert_eq!(place.rows().await, before);
    let files = place.lake().await.snapshot().files.clone();
    let after: BTreeSet<_> = files.iter().map(|file| (file.region.clone(), file.date)).collect();
    assert_eq!((files.len(), after), (partitions.len(), partitions));
}

#[tokio::test]
async fn a_second_run_does_nothing() {
    let place = Place::with_files(5).await;
    let first = place.optimize().await;
    let second = place.optimize().await;
    assert_eq!((second.files_removed, second.commits, second.version), (0, 0, first.version));
}

#[tokio::test]
async fn the_log_says_that_no_data_changed_and_keeps_the_statistics() {
    let place = Place::with_files(4).await;
    let before = place.lake().await;
    let summary = place.optimize().await;
    let actions = place.actions(summary.version);
    let of = |kind: &str| actions.iter().filter_map(|action| action.get(kind)).cloned().collect::<Vec<Value>>();
    assert_eq!((of("add").len() as u64, of("remove").len() as u64), (summary.files_added, summary.files_removed));
    assert!(of("add").iter().chain(&of("remove")).all(|action| action["dataChange"] == false));
    let domains: Vec<Value> = of("domainMetadata").iter().map(|metadata| metadata["domain"].clone()).collect();
    assert_eq!(domains, ["trailql.index"], "the ledger stays as it is");
    assert_eq!(of("commitInfo")[0]["operation"], "OPTIMIZE");
    let bound = |lake: &trailql_lake::Lake, side: &str| -> BTreeSet<String> {
        let parse = |text: &String| serde_json::from_str::<Value>(text).unwrap();
        let stats = lake.snapshot().files.iter().filter_map(|file| file.stats.as_ref().map(parse)).collect::<Vec<_>>();
        stats.iter().filter_map(|stats| stats[side]["eventtime"].as_str().map(str::to_owned)).collect()
    };
    let after = place.lake().await;
    assert_eq!(bound(&before, "minValues").first(), bound(&after, "minValues").first());
    assert_eq!(bound(&before, "maxValues").last(), bound(&after, "maxValues").last());
}

#[tokio::test]
async fn what_was_ingested_stays_known() {
    let place = Place::with_files(5).await;
    let before = place.rows().await;
    place.optimize().await;
    assert_eq!(place.ingest().await.files.known, 5);
    place.log("again.json", &records(0, 120));
    let summary = place.ingest().await;
    assert_eq!((summary.kept, summary.duplicates, summary.conflicts), (0, 120, 0));
    assert_eq!(place.rows().await, before);
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let place = Place::with_files(3).await;
    let lake = place.lake().await;
    let options = OptimizeOptions { dry_run: true, ..OptimizeOptions::default() };
    let summary = optimize(&mut lake.clone(), &options, &Progress::new()).await.unwrap();
    assert_eq!(place.lake().await.snapshot().version, lake.snapshot().version);
    let done = place.optimize().await;
    assert!(done.files_removed > 0);
    assert_eq!(summary.files_removed, done.files_removed);
    assert_eq!((summary.bytes_removed, summary.events), (done.bytes_removed, done.events));
}

#[tokio::test]
async fn no_file_grows_beyond_the_target() {
    let place = Place::with_files(12).await;
    let before = place.rows().await;
    let largest = place.lake().await.snapshot().files.iter().map(|file| file.size_bytes).max().unwrap();
    let options = OptimizeOptions { target_bytes: largest * 8, dry_run: false };
    let summary = optimize(&mut place.lake().await, &options, &Progress::new()).await.unwrap();
    assert!(summary.files_added > 0);
    assert_eq!(place.rows().await, before);
    for file in &place.lake().await.snapshot().files {
        assert!(file.size_bytes <= options.target_bytes, "{file:?}");
    }
    let again = optimize(&mut place.lake().await, &options, &Progress::new()).await.unwrap();
    assert_eq!(again.commits, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_compactors_and_two_writers_at_once_double_and_lose_nothing() {
    let (alone, together) = (Place::new(), Place::with_files(10).await);
    for file in 0..30 {
        for place in [&alone, &together] {
            place.log(&format!("{file}.json"), &records(file * 20, 40));
        }
    }
    alone.ingest().await;
    let mut small = together.options();
    small.batch_bytes = 1;
    let location = together.location();
    let write =
        || async { ingest(&Stores::default(), &location, &small, trailql_ingest::Progress::new()).await.unwrap().kept };
    let compact = || async {
        let mut commits = 0;
        for _ in 0..3 {
            commits += together.optimize().await.commits;
        }
        commits
    };
    let (first, second, a, b) = tokio::join!(write(), write(), compact(), compact());
    assert_eq!(first + second + 10 * 20 + 20, alone.rows().await.len() as u64);
    assert!(a + b > 0);
    assert_eq!(together.rows().await, alone.rows().await);
    together.optimize().await;
    assert_eq!(together.rows().await, alone.rows().await);
}

#[tokio::test]
async fn a_file_that_another_version_wrote_is_left_alone_and_named() {
    let place = Place::with_files(3).await;
    let lake = place.lake().await;
    let victim = lake.snapshot().files[0].clone();
    // Same size, so that only its content is wrong.
    std::fs::write(place.root().join(victim.path.as_ref()), vec![0; victim.size_bytes as usize]).unwrap();
    let summary = optimize(&mut lake.clone(), &OptimizeOptions::default(), &Progress::new()).await.unwrap();
    assert_eq!(summary.failed.len(), 1);
    assert!(summary.failed[0].reason.contains(victim.path.as_ref()), "{summary:?}");
    assert!(summary.commits > 0, "the other partitions are merged");
    assert!(place.lake().await.snapshot().files.iter().any(|file| file.path == victim.path));
}

#[tokio::test]
async fn asked_to_stop_it_ends_in_good_order() {
    let place = Place::with_files(3).await;
    let before = place.rows().await;
    let progress = Progress::new();
    progress.stop();
    let mut lake = place.lake().await;
    let summary = optimize(&mut lake, &OptimizeOptions::default(), &Arc::clone(&progress)).await.unwrap();
    assert!(summary.interrupted && summary.commits == 0);
    assert_eq!(rows(&lake).await, before);
}
