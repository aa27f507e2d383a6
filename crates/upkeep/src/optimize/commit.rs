//! Merged files into the Delta log, beside other writers.

use std::collections::HashSet;
use std::sync::Arc;

use object_store::{ObjectStore, ObjectStoreExt};
use trailql_lake::{DataFile, Lake, LakeError, NewFile};

use super::plan::Compaction;
use crate::error::UpkeepError;

/// Commits lost to other writers before giving up.
const MAX_ATTEMPTS: usize = 100;

/// A compaction whose new file is written.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) compaction: Compaction,
    pub(super) file: NewFile,
}

/// What became of some compactions.
#[derive(Debug, Default)]
pub(super) struct Committed {
    /// Those that are part of the lake now.
    pub(super) done: Vec<Merged>,
    /// Those whose files another writer merged or expired meanwhile; their new files are deleted.
    pub(super) superseded: usize,
}

/// Commits all of `merged` at once.
///
/// Where another writer came first, the rest is committed on top of it: an ingest only adds files, so that the merged
/// ones stay as they are. Those that are gone, merged or expired by the other writer, are left out, and so no row
/// can be there twice or come back.
pub(super) async fn commit(lake: &mut Lake, merged: Vec<Merged>, target_bytes: u64) -> Result<Committed, UpkeepError> {
    let mut outcome = Committed { done: merged, superseded: 0 };
    for _ in 0..MAX_ATTEMPTS {
        let (live, superseded) = split_live(lake, outcome.done);
        outcome.done = live;
        outcome.superseded += superseded.len();
        delete(&lake.store(), &superseded).await;
        if outcome.done.is_empty() {
            return Ok(outcome);
        }
        let removed: Vec<DataFile> =
            outcome.done.iter().flat_map(|merged| merged.compaction.files.iter().cloned()).collect();
        let added: Vec<NewFile> = outcome.done.iter().map(|merged| merged.file.clone()).collect();
        match lake.compact(&removed, &added, target_bytes).await {
            Ok(version) => {
                tracing::info!(version, files = removed.len(), "compacted");
                return Ok(outcome);
            }
            Err(LakeError::Conflict { version }) => {
                tracing::info!(version, "another writer committed first; looking for its changes");
                lake.refresh().await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    delete(&lake.store(), &outcome.done).await;
    Err(UpkeepError::Contention { attempts: MAX_ATTEMPTS })
}

/// Tells the compactions whose files are all in the lake from the others.
fn split_live(lake: &Lake, merged: Vec<Merged>) -> (Vec<Merged>, Vec<Merged>) {
    let snapshot = lake.snapshot();
    let live: HashSet<_> = snapshot.files.iter().map(|file| &file.path).collect();
    merged.into_iter().partition(|merged| merged.compaction.files.iter().all(|file| live.contains(&file.path)))
}

/// Deletes files that no commit will name; a failure leaves them for vacuum.
async fn delete(store: &Arc<dyn ObjectStore>, merged: &[Merged]) {
    for Merged { file, .. } in merged {
        if let Err(error) = store.delete(&file.path).await {
            tracing::debug!(path = %file.path, %error, "uncommitted file stays behind");
        }
    }
}
