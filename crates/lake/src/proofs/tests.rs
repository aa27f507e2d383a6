use std::sync::Arc;

use arrow::array::AsArray;
use object_store::path::Path;
use trailql_store::Stores;

use super::*;
use crate::lake::Lake;

async fn lake(folder: &tempfile::TempDir) -> Lake {
    let location = folder.path().join("lake");
    Lake::open_or_create(&Stores::default(), location.to_str().expect("UTF-8")).await.expect("a lake")
}

fn log(file: &str, version: Option<u128>, state: ProofState) -> LogRecord {
    LogRecord {
        source_file: file.to_owned(),
        version,
        state,
        reason: None,
        digest: None,
        trail: None,
        account: None,
        region: None,
        location: None,
    }
}

/// One run that finds this.
async fn record(lake: &Lake, logs: impl IntoIterator<Item = LogRecord>) {
    let mut run = ProofRun::new("test");
    logs.into_iter().for_each(|log| run.add_log(log).expect("noted"));
    run.write(lake).await.expect("written");
    // Runs are told apart by their time.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
}

async fn states(lake: &Lake) -> Vec<String> {
    let mut states = Vec::new();
    for batch in lake.log_proofs().await.expect("read") {
        let (files, found) = (batch.column(0).as_string::<i32>(), batch.column(1).as_string::<i32>());
        states.extend((0..batch.num_rows()).map(|row| format!("{} {}", files.value(row), found.value(row))));
    }
    states.sort();
    states
}

async fn file_count(lake: &Lake) -> usize {
    use futures::StreamExt;
    lake.store().list(Some(&Path::from(PROOFS_FOLDER))).count().await
}

#[tokio::test]
async fn what_was_found_last_counts_and_of_one_run_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = lake(&folder).await;
    assert!(states(&lake).await.is_empty());
    record(&lake, [log("a", Some(1), ProofState::Proved), log("b", None, ProofState::NoDigestYet)]).await;
    record(&lake, [log("a", Some(2), ProofState::Failed), log("b", Some(3), ProofState::Proved)]).await;
    assert_eq!(states(&lake).await, ["a failed", "b proved"]);
    record(&lake, [log("a", Some(2), ProofState::Failed), log("a", Some(2), ProofState::Proved)]).await;
    assert_eq!(states(&lake).await, ["a failed", "b proved"]);
    record(&lake, [log("a", Some(1), ProofState::NotChecked), log("a", Some(1), ProofState::Proved)]).await;
    assert_eq!(states(&lake).await, ["a proved", "b proved"]);
}

#[tokio::test]
async fn small_files_come_together_and_say_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = lake(&folder).await;
    for round in 0..100_u128 {
        let state = if round % 2 == 0 { ProofState::NoDigestYet } else { ProofState::Proved };
        record(&lake, [log("same", Some(7), state), log(&format!("{round:03}"), Some(round), ProofState::Proved)])
            .await;
    }
    let files = file_count(&lake).await;
    assert!((1..40).contains(&files), "{files} files");
    let states = states(&lake).await;
    assert_eq!(states.len(), 101);
    assert_eq!((states[0].as_str(), states[100].as_str()), ("000 proved", "same proved"));
}

#[tokio::test]
async fn writers_and_readers_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let lake = Arc::new(lake(&folder).await);
    let writers = (0..4_u128).map(|writer| {
        let lake = Arc::clone(&lake);
        tokio::spawn(async move {
            for round in 0..40 {
                let name = format!("{writer} {round}");
                record(&lake, [log(&name, Some(writer * 100 + round), ProofState::Proved)]).await;
                lake.log_proofs().await.expect("read while others merge");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("ended");
    }
    assert_eq!(states(&lake).await.len(), 160);
}

#[test]
fn knows_its_files() {
    for (path, is_ours) in [
        ("_integrity/logs/20240301T000000000Z-1-00000.parquet", true),
        ("_integrity/digests/x-merged.parquet", true),
        ("_integrity/notes.txt", false),
        ("_ledger/x.parquet", false),
    ] {
        assert_eq!(is_proof_path(&Path::from(path)), is_ours, "{path}");
    }
}
