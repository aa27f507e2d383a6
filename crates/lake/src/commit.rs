//! One atomic step of the lake: data files and ledger together, or nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use deltalake::DeltaTableError;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake::kernel::{Action, Add, DomainMetadata};
use deltalake::protocol::checkpoints::create_checkpoint;
use deltalake::protocol::{DeltaOperation, SaveMode};
use object_store::path::Path;
use serde_json::Value;
use tokio::sync::OnceCell;
use trailql_event::{DATE, REGION};
use uuid::Uuid;

use crate::bloom_index::{INDEX_DOMAIN, IndexChange};
use crate::error::LakeError;
use crate::file_format::RowGroupBlooms;
use crate::lake::Lake;
use crate::ledger::{LEDGER_DOMAIN, Ledger, LedgerDelta};
use crate::retention::RETENTION_DOMAIN;
use crate::snapshot::DataFile;

/// A Parquet file that was written and now waits for its commit.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Path relative to the lake.
    pub path: Path,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Partition value of `region`.
    pub region: String,
    /// Partition value of `date` as `2024-03-01`; `None` for events without a readable time.
    pub date: Option<String>,
    /// Statistics as Delta keeps them, a JSON object.
    pub stats: String,
    /// Its bloom filters, by row group.
    pub blooms: Vec<RowGroupBlooms>,
}

/// What becomes visible at once.
#[derive(Debug, Clone, Default)]
pub struct PendingCommit {
    /// Data files to add.
    pub files: Vec<NewFile>,
    /// Log files and event keys to add to the ledger.
    pub ledger: LedgerDelta,
    /// Counts to note in the Delta log's commit information, by name.
    pub metrics: Vec<(&'static str, u64)>,
}

/// Commits after which the Delta log is summed up in a checkpoint: whoever opens the lake reads the last checkpoint and
/// at most this many files of single commits, each a request on an object store.
const CHECKPOINT_EVERY: u64 = 25;

/// Key of a commit's information that tells it from all others.
const COMMIT_ID: &str = "trailqlCommit";

impl Lake {
    /// Commits on top of the version this lake was opened, refreshed or committed at.
    ///
    /// Fails with [`LakeError::Conflict`] if another writer committed since; nothing has become visible then, and
    /// the caller refreshes, drops what the other writer added already, and tries again.
    pub async fn commit(&mut self, pending: &PendingCommit) -> Result<u64, LakeError> {
        let base = self.ledger();
        let (segments, merged) = match base.append(&pending.ledger).await {
            // A commit that came first can have merged the segments that this version names.
            Err(LakeError::LedgerMoved { .. }) if self.is_behind().await? => return Err(self.conflict()),
            appended => appended?,
        };
        let added = base.added(&segments);
        let index = self.index_change(&pending.files, &[]).await?;
        let mut actions: Vec<Action> = pending.files.iter().map(|file| Action::Add(file.add(true))).collect();
        actions.push(domain_metadata(LEDGER_DOMAIN, Ledger::manifest(segments)));
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![REGION.to_owned(), DATE.to_owned()]),
            predicate: None,
        };
        let outcome = self.write_log_with(index, actions, operation, &pending.metrics).await;
        match &outcome {
            Ok(_) => base.discard(&merged).await,
            // The commit may have reached the log although its answer was lost: only a clear refusal allows to delete.
            Err(LakeError::Conflict { .. }) => base.discard(&added).await,
            Err(_) => {}
        }
        outcome
    }

    /// Writes what `added` and `removed` do to the index; see [`Lake::write_log_with`].
    pub(crate) async fn index_change(
        &self,
        added: &[NewFile],
        removed: &[DataFile],
    ) -> Result<Option<IndexChange>, LakeError> {
        let snapshot = self.snapshot();
        let removed: HashSet<&Path> = removed.iter().map(|file| &file.path).collect();
        let kept = snapshot.files.iter().map(|file| &file.path).filter(|path| !removed.contains(path));
        let live: HashSet<Path> = kept.chain(added.iter().map(|file| &file.path)).cloned().collect();
        self.bloom_index().await?.append(added, &live, !removed.is_empty()).await
    }

    /// Writes the next version of the Delta log together with a change of the index.
    pub(crate) async fn write_log_with(
        &mut self,
        index: Option<IndexChange>,
        mut actions: Vec<Action>,
        operation: DeltaOperation,
        metrics: &[(&'static str, u64)],
    ) -> Result<u64, LakeError> {
        let before = self.index.clone();
        actions.extend(index.iter().map(|change| domain_metadata(INDEX_DOMAIN, change.next.manifest())));
        let outcome = self.write_log(actions, operation, metrics).await;
        match (&index, &outcome) {
            (None, Ok(version)) if self.snapshot().version == *version => self.index = before,
            (Some(change), Ok(version)) => {
                if self.snapshot().version == *version {
                    self.index = Arc::new(OnceCell::from(change.next.clone()));
                }
                change.settle().await;
            }
            // The commit may have reached the log although its answer was lost: only a clear refusal allows to delete.
            (Some(change), Err(LakeError::Conflict { .. })) => change.undo().await,
            _ => {}
        }
        outcome
    }

    /// Writes the next version of the Delta log, if nobody else did, and loads it.
    pub(crate) async fn write_log(
        &mut self,
        actions: Vec<Action>,
        operation: DeltaOperation,
        metrics: &[(&'static str, u64)],
    ) -> Result<u64, LakeError> {
        let id = Uuid::new_v4().to_string();
        let info = file_counts(&actions).into_iter().chain(metrics.iter().copied());
        let info = info.map(|(name, count)| (format!("trailql.{name}"), Value::from(count)));
        let keeps_floor = !actions.iter().any(|action| sets_domain(action, RETENTION_DOMAIN));
        let properties = CommitProperties::default()
            .with_metadata(info.chain([(COMMIT_ID.to_owned(), Value::from(id.as_str()))]))
            // No retries inside: a commit on top of another one needs its duplicates taken out first.
            .with_max_retries(0)
            // Done below: a commit whose checkpoint fails is a commit, and listing the log each time costs requests.
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false));
        let state = self.table.snapshot().map_err(|source| self.log_error("reading", source))?;
        let next = self.snapshot().version + 1;
        let committed = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(state.snapshot()), self.table.log_store(), operation)
            .await;
        let version = match committed {
            Ok(done) => done.version(),
            Err(source) if !lost_race(&source) => return Err(self.log_error("writing", source)),
            // An answer that was lost on the way and asked for again says that the version exists: it may be this commit.
            Err(_) if self.commit_id(next).await.as_deref() == Some(&id) => next,
            Err(_) => return Err(self.conflict()),
        };
        self.load_committed(version, keeps_floor).await?;
        Ok(version)
    }

    /// Loads what was committed, and sums the log up when it is time to.
    async fn load_committed(&mut self, version: u64, keeps_floor: bool) -> Result<(), LakeError> {
        let floor = self.floor.clone();
        self.refresh().await?;
        if keeps_floor && self.snapshot().version == version {
            self.floor = floor;
        }
        if (version + 1).is_multiple_of(CHECKPOINT_EVERY)
            && let Err(error) = self.checkpoint().await
        {
            tracing::warn!(version, %error, "no checkpoint was written; the lake opens more slowly");
        }
        Ok(())
    }

    /// Sums the Delta log up to this version in one file.
    pub async fn checkpoint(&self) -> Result<(), LakeError> {
        create_checkpoint(&self.table, None).await.map_err(|source| self.log_error("writing a checkpoint of", source))
    }

    async fn is_behind(&self) -> Result<bool, LakeError> {
        let latest = self.table.get_latest_version().await.map_err(|source| self.log_error("reading", source))?;
        Ok(latest > self.snapshot().version)
    }

    fn conflict(&self) -> LakeError {
        LakeError::Conflict { version: self.snapshot().version + 1 }
    }

    async fn commit_id(&self, version: u64) -> Option<String> {
        let info = self.commit_info(version).await.ok()??;
        info.info.get(COMMIT_ID)?.as_str().map(str::to_owned)
    }
}

/// An action that sets the configuration of a domain.
pub(crate) fn domain_metadata(domain: &str, configuration: String) -> Action {
    Action::DomainMetadata(DomainMetadata { domain: domain.to_owned(), configuration, removed: false })
}

fn sets_domain(action: &Action, domain: &str) -> bool {
    matches!(action, Action::DomainMetadata(metadata) if metadata.domain == domain)
}

/// Files and bytes that come and go, by the names that history shows.
fn file_counts(actions: &[Action]) -> Vec<(&'static str, u64)> {
    let bytes = |size: i64| u64::try_from(size).unwrap_or_default();
    let (mut added, mut removed) = ((0, 0), (0, 0));
    for action in actions {
        match action {
            Action::Add(add) => added = (added.0 + 1, added.1 + bytes(add.size)),
            Action::Remove(remove) => removed = (removed.0 + 1, removed.1 + bytes(remove.size.unwrap_or_default())),
            _ => {}
        }
    }
    let counts =
        [("filesAdded", added.0), ("bytesAdded", added.1), ("filesRemoved", removed.0), ("bytesRemoved", removed.1)];
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn lost_race(error: &DeltaTableError) -> bool {
    let DeltaTableError::Transaction { source } = error else { return false };
    matches!(
        source,
        TransactionError::MaxCommitAttempts(_)
            | TransactionError::VersionAlreadyExists(_)
            | TransactionError::CommitConflict(_)
    )
}

impl NewFile {
    /// The action that makes the file visible; `is_new` says that its rows were not in the lake before.
    pub(crate) fn add(&self, is_new: bool) -> Add {
        Add {
            path: self.path.to_string(),
            partition_values: HashMap::from([
                (REGION.to_owned(), Some(self.region.clone())),
                (DATE.to_owned(), self.date.clone()),
            ]),
            size: i64::try_from(self.size_bytes).unwrap_or(i64::MAX),
            modification_time: chrono::Utc::now().timestamp_millis(),
            data_change: is_new,
            stats: Some(self.stats.clone()),
            ..Add::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use trailql_event::EventKey;
    use trailql_store::Stores;

    use super::*;

    fn event(id: u64) -> PendingCommit {
        let ledger = LedgerDelta { keys: vec![EventKey { id, content: 1 }], ..LedgerDelta::default() };
        PendingCommit { ledger, ..PendingCommit::default() }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_writer_whose_ledger_was_merged_away_has_lost_the_race() {
        let folder = tempfile::tempdir().expect("a folder");
        let (stores, location) = (Stores::default(), folder.path().to_string_lossy().into_owned());
        let mut lake = Lake::open_or_create(&stores, &location).await.expect("created");
        for id in 0..14 {
            lake.commit(&event(id)).await.expect("committed");
        }
        let mut late = lake.clone();
        for id in 14..20 {
            lake.commit(&event(id)).await.expect("committed");
        }
        let probes = [EventKey { id: 3, content: 1 }];
        let error = late.ledger().find(&probes, None, |_, _| {}).await.expect_err("the segments are gone");
        assert!(matches!(error, LakeError::LedgerMoved { .. }), "{error}");
        assert!(matches!(late.commit(&event(99)).await, Err(LakeError::Conflict { .. })));
        late.refresh().await.expect("loaded");
        let mut hits = 0;
        late.ledger().find(&probes, None, |_, _| hits += 1).await.expect("found");
        assert_eq!(hits, 1);
        late.commit(&event(99)).await.expect("committed");
    }
}
