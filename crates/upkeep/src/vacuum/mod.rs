//! Deletes files that no version of the lake within the retention needs.
//!
//! This is the one part of trailql that deletes what is in a lake, so it plans first, from the rules in `plan`, and the
//! plan is what a dry run shows. Deleting in any order, or only in part, leaves every kept version whole.

mod plan;
mod unfinished;

use std::collections::HashSet;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::Serialize;
use trailql_lake::{LOG_FOLDER, Lake, LogEntry};

use self::plan::{Ages, Needs, log_needed_from};
use self::unfinished::unfinished_files;
use crate::error::UpkeepError;

pub use self::plan::{Deletion, DeletionKind};

/// What to delete.
#[derive(Debug, Clone)]
pub struct VacuumOptions {
    /// Versions that were the newest within this time stay readable.
    pub older_than: TimeDelta,
    /// Say what would go, and delete nothing.
    pub dry_run: bool,
}

/// What was deleted, or would be.
#[derive(Debug, Clone, Serialize)]
pub struct VacuumSummary {
    /// Version of the lake, which vacuum does not change.
    pub version: u64,
    /// The oldest version that can be read for sure; time travel before it finds files missing.
    pub oldest_version: u64,
    /// When that version was committed.
    pub oldest_time: Option<DateTime<Utc>>,
    /// Files deleted.
    pub deleted: Vec<Deletion>,
    /// Bytes deleted.
    pub bytes: u64,
    /// Files that could not be deleted.
    pub failed: Vec<FailedDeletion>,
    /// Nothing was deleted.
    pub dry_run: bool,
}

/// A file that could not be deleted.
#[derive(Debug, Clone, Serialize)]
pub struct FailedDeletion {
    /// Path within the lake.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// Deletes files of merged, expired and never committed data, old ledger files, and the old end of the Delta log.
///
/// Safe beside ingests and compactions: what they have not committed yet is left alone for a day. A query that reads a
/// version older than the retention fails.
pub async fn vacuum(lake: &mut Lake, options: &VacuumOptions) -> Result<VacuumSummary, UpkeepError> {
    let plan = VacuumPlan::make(lake, options.older_than).await?;
    let mut deleted = plan.deletions;
    let mut failed = Vec::new();
    if !options.dry_run {
        failed = delete(lake, &deleted).await;
        deleted.retain(|deletion| failed.iter().all(|failed| failed.path != deletion.path));
    }
    Ok(VacuumSummary {
        version: lake.snapshot().version,
        oldest_version: plan.oldest_version,
        oldest_time: lake.commit_time(plan.oldest_version).await?,
        bytes: deleted.iter().map(|deletion| deletion.bytes).sum(),
        deleted,
        failed,
        dry_run: options.dry_run,
    })
}

/// The files to delete, and the oldest version that stays whole.
#[derive(Debug)]
struct VacuumPlan {
    deletions: Vec<Deletion>,
    oldest_version: u64,
}

impl VacuumPlan {
    async fn make(lake: &mut Lake, older_than: TimeDelta) -> Result<Self, UpkeepError> {
        // Listed before the log is read: what is committed in between is then known as live.
        let objects = list(lake).await?;
        lake.refresh().await?;
        let now = Utc::now();
        let ages = Ages { now, cutoff: now - older_than };
        let entries = lake.log_entries().await?;
        let oldest_version = oldest_kept(lake, &entries, ages.cutoff).await?;
        let needs = needs(lake, &entries, oldest_version).await?;
        let deletion = |path: &Path, bytes, kind| Deletion { path: path.to_string(), bytes, kind };
        let mut deletions: Vec<Deletion> = objects
            .iter()
            .filter_map(|object| Some(deletion(&object.location, object.size, needs.judge(object, ages)?)))
            .collect();
        deletions.extend(unfinished(lake)?);
        // In the order of versions, so that what is left of the log is always its newer part.
        deletions.extend(
            entries
                .iter()
                .filter_map(|entry| Some(deletion(&entry.path, entry.size_bytes, needs.judge_log(entry, ages)?))),
        );
        Ok(Self { deletions, oldest_version })
    }
}

/// All files of the lake but those of the log.
async fn list(lake: &Lake) -> Result<Vec<ObjectMeta>, UpkeepError> {
    let log = Path::from(LOG_FOLDER);
    let store = lake.store();
    let objects = store.list(None).try_filter(|object| {
        let is_log = object.location.prefix_matches(&log);
        std::future::ready(!is_log)
    });
    objects.try_collect().await.map_err(|source| UpkeepError::store("listing", &Path::default(), source))
}

/// The version that was the newest at `cutoff`; where the log does not go back so far, the oldest one that it has.
async fn oldest_kept(lake: &Lake, entries: &[LogEntry], cutoff: DateTime<Utc>) -> Result<u64, UpkeepError> {
    match lake.newest_version_at(cutoff).await? {
        Some(version) => Ok(version),
        None => Ok(trailql_lake::oldest_version(entries).unwrap_or(lake.snapshot().version)),
    }
}

/// Finds what the versions from `oldest_version` on need.
///
/// Each file of theirs is live now, or was live in the oldest, or was taken out since: then it has a tombstone younger than
/// the retention, or, where the log has forgotten that, it is younger itself.
async fn needs(lake: &Lake, entries: &[LogEntry], oldest_version: u64) -> Result<Needs, UpkeepError> {
    let (newest, oldest) = (lake.snapshot(), lake.snapshot_at(oldest_version).await?);
    let live = newest.files.iter().chain(&oldest.files).map(|file| file.path.clone()).collect();
    let removed = lake.tombstones().await?.into_iter().map(|tombstone| (tombstone.path, tombstone.removed)).collect();
    let ledger_and_index = lake.ledger().paths().chain(lake.bloom_index().await?.paths()).collect();
    let log_from = log_needed_from(entries, oldest_version, last_checkpoint(lake).await?);
    Ok(Needs { live, removed, ledger_and_index, log_from })
}

/// The checkpoint that the log's own hint names.
async fn last_checkpoint(lake: &Lake) -> Result<Option<u64>, UpkeepError> {
    let path = Path::from_iter([LOG_FOLDER, "_last_checkpoint"]);
    let failed = |source| UpkeepError::store("reading", &path, source);
    let hint = match lake.store().get(&path).await {
        Ok(object) => object.bytes().await.map_err(failed)?,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    // A hint that cannot be read may name any checkpoint.
    let hint: Result<serde_json::Value, _> = serde_json::from_slice(&hint);
    Ok(Some(hint.ok().and_then(|hint| hint.get("version")?.as_u64()).unwrap_or_default()))
}

/// Unfinished files of a lake on the local disk.
fn unfinished(lake: &Lake) -> Result<Vec<Deletion>, UpkeepError> {
    let Some(root) = local_root(lake) else { return Ok(Vec::new()) };
    let files = unfinished_files(&root).map_err(UpkeepError::Folder)?;
    let deletion = |(path, bytes): (PathBuf, u64)| {
        let path = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
        Deletion { path, bytes, kind: DeletionKind::Unfinished }
    };
    Ok(files.into_iter().map(deletion).collect())
}

fn local_root(lake: &Lake) -> Option<PathBuf> {
    lake.url().to_file_path().ok()
}

/// Deletes everything, however often single files fail; one that is gone already is no failure.
async fn delete(lake: &Lake, deletions: &[Deletion]) -> Vec<FailedDeletion> {
    let (unfinished, objects): (Vec<_>, Vec<_>) =
        deletions.iter().partition(|deletion| deletion.kind == DeletionKind::Unfinished);
    let path =
        |deletion: &&Deletion| Path::parse(&deletion.path).unwrap_or_else(|_| Path::from(deletion.path.as_str()));
    let mut failed = delete_objects(lake, objects.iter().map(path).collect()).await;
    for deletion in unfinished {
        let path = local_root(lake).unwrap_or_default().join(&deletion.path);
        if let Err(error) = std::fs::remove_file(path) {
            failed.push(FailedDeletion { path: deletion.path.clone(), reason: error.to_string() });
        }
    }
    failed
}

async fn delete_objects(lake: &Lake, paths: Vec<Path>) -> Vec<FailedDeletion> {
    let mut left: HashSet<Path> = paths.iter().cloned().collect();
    let mut reason = None;
    let mut results = lake.store().delete_stream(stream::iter(paths).map(Ok).boxed());
    while let Some(result) = results.next().await {
        match result {
            Ok(path) => {
                left.remove(&path);
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => reason = Some(error.to_string()),
        }
    }
    // A store that deletes many at once may give one error for all of them, so what it did not confirm has failed.
    let Some(reason) = reason else { return Vec::new() };
    left.into_iter().map(|path| FailedDeletion { path: path.to_string(), reason: reason.clone() }).collect()
}
