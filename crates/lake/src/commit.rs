//! One atomic step of the lake: data files and ledger together, or nothing.

use std::collections::HashMap;

use deltalake::DeltaTableError;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake::kernel::{Action, Add, DomainMetadata};
use deltalake::protocol::{DeltaOperation, SaveMode};
use object_store::path::Path;
use serde_json::Value;
use trailql_event::{DATE, REGION};

use crate::error::LakeError;
use crate::lake::Lake;
use crate::ledger::{LEDGER_DOMAIN, Ledger, LedgerDelta};

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

impl Lake {
    /// Commits on top of the version this lake was opened, refreshed or committed at.
    ///
    /// Fails with [`LakeError::Conflict`] if another writer committed since; nothing has become visible then, and
    /// the caller refreshes, drops what the other writer added already, and tries again.
    pub async fn commit(&mut self, pending: &PendingCommit) -> Result<u64, LakeError> {
        let base = self.ledger();
        let next = self.snapshot().version + 1;
        let (segments, merged) = match base.append(&pending.ledger).await {
            // Whoever merged the segments away committed.
            Err(error) if error.is_superseded() && self.is_outdated().await? => {
                return Err(LakeError::Conflict { version: next });
            }
            appended => appended?,
        };
        let added = base.added(&segments);
        let manifest = Ledger::manifest(segments);
        let outcome = self.write_log(pending, manifest).await;
        match &outcome {
            Ok(_) => base.discard(&merged).await,
            // The commit may have reached the log although its answer was lost: only a clear refusal allows to delete.
            Err(LakeError::Conflict { .. }) => base.discard(&added).await,
            Err(_) => {}
        }
        outcome
    }

    async fn write_log(&mut self, pending: &PendingCommit, manifest: String) -> Result<u64, LakeError> {
        let mut actions: Vec<Action> = pending.files.iter().map(|file| Action::Add(file.add())).collect();
        actions.push(Action::DomainMetadata(DomainMetadata {
            domain: LEDGER_DOMAIN.to_owned(),
            configuration: manifest,
            removed: false,
        }));
        let metrics: HashMap<String, Value> =
            pending.metrics.iter().map(|(name, count)| (format!("trailql.{name}"), Value::from(*count))).collect();
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec![REGION.to_owned(), DATE.to_owned()]),
            predicate: None,
        };
        // No retries inside: a commit on top of another one needs its duplicates taken out first.
        let properties = CommitProperties::default().with_metadata(metrics).with_max_retries(0);
        let state = self.table.snapshot().map_err(|source| self.log_error("reading", source))?;
        let next = self.snapshot().version + 1;
        let committed = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(state.snapshot()), self.table.log_store(), operation)
            .await;
        match committed {
            Ok(done) => {
                let version = done.version();
                self.refresh().await?;
                Ok(version)
            }
            Err(source) if lost_race(&source) => Err(LakeError::Conflict { version: next }),
            Err(source) => Err(self.log_error("writing", source)),
        }
    }
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
    fn add(&self) -> Add {
        Add {
            path: self.path.to_string(),
            partition_values: HashMap::from([
                (REGION.to_owned(), Some(self.region.clone())),
                (DATE.to_owned(), self.date.clone()),
            ]),
            size: i64::try_from(self.size_bytes).unwrap_or(i64::MAX),
            modification_time: chrono::Utc::now().timestamp_millis(),
            data_change: true,
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
        assert!(error.is_superseded() && late.is_outdated().await.expect("read"), "{error}");
        assert!(matches!(late.commit(&event(99)).await, Err(LakeError::Conflict { .. })));
        late.refresh().await.expect("loaded");
        let mut hits = 0;
        late.ledger().find(&probes, None, |_, _| hits += 1).await.expect("found");
        assert_eq!(hits, 1);
        late.commit(&event(99)).await.expect("committed");
    }
}
