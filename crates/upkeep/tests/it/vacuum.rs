//! What nobody needs is deleted, and nothing else.

use chrono::TimeDelta;
use trailql_lake::{AsOf, LakeError};
use trailql_store::Stores;
use trailql_upkeep::{DeletionKind, ExpireOptions, VacuumOptions, VacuumSummary, expire, vacuum};

use crate::support::{Place, records, rows};

fn count(summary: &VacuumSummary, kind: DeletionKind) -> usize {
    summary.deleted.iter().filter(|deletion| deletion.kind == kind).count()
}

#[tokio::test]
async fn merged_and_expired_files_go_when_the_retention_is_over() {
    let place = Place::with_files(6).await;
    let merged = place.optimize().await;
    let options = ExpireOptions { floor: "2024-03-02".parse().unwrap(), undated: false, dry_run: false };
    let expired = expire(&mut place.lake().await, &options).await.unwrap();
    let (before, on_disk) = (place.rows().await, place.files("").len());
    let kept = place.vacuum(TimeDelta::days(7)).await;
    assert_eq!((kept.deleted.len(), place.files("").len()), (0, on_disk), "versions of the last week need them");
    assert_eq!(kept.oldest_version, 0);
    let summary = place.vacuum(TimeDelta::zero()).await;
    assert_eq!(count(&summary, DeletionKind::Removed) as u64, merged.files_removed + expired.files);
    assert_eq!(summary.deleted.len(), count(&summary, DeletionKind::Removed), "{summary:?}");
    assert_eq!(place.files("").len(), on_disk - summary.deleted.len());
    assert_eq!(summary.oldest_version, summary.version);
    assert_eq!(place.rows().await, before);
    assert_eq!(place.ingest().await.files.known, 6);
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_deletes_nothing() {
    let place = Place::with_files(3).await;
    place.optimize().await;
    let on_disk = place.files("").len();
    let options = VacuumOptions { older_than: TimeDelta::zero(), dry_run: true };
    let said = vacuum(&mut place.lake().await, &options).await.unwrap();
    assert_eq!(place.files("").len(), on_disk);
    let mut done = place.vacuum(TimeDelta::zero()).await.deleted;
    let mut said = said.deleted;
    assert!(!said.is_empty());
    said.sort_by(|a, b| a.path.cmp(&b.path));
    done.sort_by(|a, b| a.path.cmp(&b.path));
    assert_eq!(said, done);
}

/// What crashed runs, and people, may leave in a lake.
const STRANGERS: [&str; 4] =
    ["notes.txt", "region=us-east-1/date=2024-03-01/readme.md", "_rejected/run/00000.jsonl", "region=x/y.parquet"];

#[tokio::test]
async fn what_crashed_runs_left_goes_after_a_day_and_strangers_stay() {
    let place = Place::with_files(2).await;
    let leftovers = [
        ("region=us-east-1/date=2024-03-01/part-4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.parquet", DeletionKind::Orphan),
        ("_ledger/4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.ids", DeletionKind::Ledger),
        ("_ledger/4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.objects.parquet", DeletionKind::Ledger),
        ("_index/4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.blooms", DeletionKind::Index),
        (
            "region=us-east-1/date=2024-03-01/part-4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a001.parquet#1",
            DeletionKind::Unfinished,
        ),
        ("_delta_log/00000000000000000003.json#2", DeletionKind::Unfinished),
    ];
    for path in leftovers.iter().map(|(path, _)| *path).chain(STRANGERS) {
        let path = place.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    let (before, on_disk) = (place.rows().await, place.files("").len());
    let young = place.vacuum(TimeDelta::zero()).await;
    assert_eq!((young.deleted, place.files("").len()), (vec![], on_disk), "a writer may be about to commit them");
    place.age(2);
    let old = place.vacuum(TimeDelta::zero()).await;
    let mut deleted: Vec<_> = old.deleted.iter().map(|deletion| (deletion.path.as_str(), deletion.kind)).collect();
    let mut expected = leftovers.to_vec();
    deleted.sort();
    expected.sort();
    assert_eq!(deleted, expected);
    assert_eq!(place.files("").len(), on_disk - leftovers.len());
    assert!(STRANGERS.iter().all(|path| place.root().join(path).exists()));
    assert_eq!(place.rows().await, before);
}

#[tokio::test]
async fn the_log_is_cut_at_a_checkpoint_and_the_lake_opens_from_there() {
    let place = Place::with_files(2).await;
    place.make_commits(28).await;
    let (before, floor) = (place.rows().await, place.lake().await.retention_floor().await.unwrap());
    assert!(place.files("_delta_log").iter().any(|file| file.contains("00024.checkpoint")));
    place.age(40);
    let summary = place.vacuum(TimeDelta::zero()).await;
    assert_eq!(count(&summary, DeletionKind::Log), 24, "versions 0 to 23: {summary:?}");
    assert!(!place.root().join("_delta_log/00000000000000000000.json").exists());
    let lake = place.lake().await;
    assert_eq!((lake.snapshot().version, rows(&lake).await), (30, before));
    assert_eq!(lake.ledger().object_count(), 2, "the checkpoint keeps the ledger");
    assert_eq!(lake.retention_floor().await.unwrap(), floor, "and the retention");
    assert_eq!(lake.history(100).await.unwrap().len(), 7);
    let error = lake.at(AsOf::Version(3)).await.unwrap_err();
    assert!(error.to_string().contains("goes back to version 24"), "{error}");
    assert_eq!(lake.at(AsOf::Version(24)).await.unwrap().snapshot().version, 24);
    place.log("new.json", &records(0, 70));
    let summary = place.ingest().await;
    assert_eq!((summary.files.known, summary.kept, summary.duplicates), (2, 10, 60));
}

#[tokio::test]
async fn a_version_whose_files_are_gone_is_named_with_the_reason() {
    let place = Place::with_files(3).await;
    let version = place.lake().await.snapshot().version;
    place.optimize().await;
    place.vacuum(TimeDelta::zero()).await;
    let lake = place.lake().await;
    let error = lake.at(AsOf::Version(version)).await.unwrap_err();
    assert!(matches!(error, LakeError::Vacuumed { .. }) && error.to_string().contains("vacuumed"), "{error}");
    assert!(lake.at(AsOf::Version(version + 1)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_writers_and_compactors_it_deletes_nothing_they_need() {
    let place = Place::with_files(5).await;
    for file in 5..30 {
        place.log(&format!("{file}.json"), &records(file * 20, 40));
    }
    let mut small = place.options();
    small.batch_bytes = 1;
    let location = place.location();
    let stores = Stores::default();
    let write = trailql_ingest::ingest(&stores, &location, &small, trailql_ingest::Progress::new());
    let clean = async {
        for _ in 0..4 {
            place.vacuum(TimeDelta::zero()).await;
        }
    };
    let (written, (), _) = tokio::join!(write, clean, place.optimize());
    written.unwrap();
    let alone = Place::new();
    for file in 0..30 {
        alone.log(&format!("{file}.json"), &records(file * 20, 40));
    }
    alone.ingest().await;
    assert_eq!(place.rows().await, alone.rows().await);
}
