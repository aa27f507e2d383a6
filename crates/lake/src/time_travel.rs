//! The lake as it was: at a version, or at a time.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt};

use crate::error::LakeError;
use crate::lake::Lake;
use crate::log::{LogEntry, LogEntryKind, oldest_version};
use crate::snapshot::Snapshot;

/// Requests in flight while files of an older version are looked for.
const REQUESTS_IN_FLIGHT: usize = 48;

/// A point in the history of a lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// A version of the Delta table.
    Version(u64),
    /// The newest version committed at or before a time.
    Time(DateTime<Utc>),
}

impl Lake {
    /// Returns this lake as it was.
    ///
    /// Fails with [`LakeError::NoVersion`] where the log has no such version, and with [`LakeError::Vacuumed`] where
    /// data files of it are gone.
    pub async fn at(&self, as_of: AsOf) -> Result<Self, LakeError> {
        let version = match as_of {
            AsOf::Version(version) => version,
            AsOf::Time(time) => self.version_at(time).await?,
        };
        let newest = self.snapshot().version;
        if version > newest {
            return Err(LakeError::NoVersion {
                reason: format!("there is no version {version}; the newest is {newest}"),
            });
        }
        let oldest = oldest_version(&self.log_entries().await?).unwrap_or(newest);
        if version < oldest {
            let reason = format!("version {version} is not known any more; the log goes back to version {oldest}");
            return Err(LakeError::NoVersion { reason });
        }
        let lake = self.load_version(version).await?;
        self.check_files(&lake).await?;
        Ok(lake)
    }

    /// Returns the data files of an older version, whether they are still there or not.
    pub async fn snapshot_at(&self, version: u64) -> Result<Arc<Snapshot>, LakeError> {
        if version == self.snapshot().version {
            Ok(self.snapshot())
        } else {
            Ok(self.load_version(version).await?.snapshot())
        }
    }

    /// Returns the newest version committed at or before `time`; `None` where all known commits are later.
    pub async fn newest_version_at(&self, time: DateTime<Utc>) -> Result<Option<u64>, LakeError> {
        let entries = self.log_entries().await?;
        let Some(oldest) = oldest_version(&entries) else { return Ok(None) };
        let is_commit = |entry: &&LogEntry| entry.kind == LogEntryKind::Commit && entry.version >= oldest;
        let commits: Vec<&LogEntry> = entries.iter().filter(is_commit).collect();
        // Halves the range until one commit is left, since each asked costs a read.
        let (mut low, mut high) = (0, commits.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = commits[middle];
            if self.commit_time(entry.version).await?.unwrap_or(entry.modified) <= time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low.checked_sub(1).map(|last| commits[last].version))
    }

    async fn load_version(&self, version: u64) -> Result<Self, LakeError> {
        let mut table = self.table.clone();
        table.load_version(version).await.map_err(|source| self.log_error("reading", source))?;
        Self::from_table(table).await
    }

    async fn version_at(&self, time: DateTime<Utc>) -> Result<u64, LakeError> {
        if let Some(version) = self.newest_version_at(time).await? {
            return Ok(version);
        }
        let oldest = oldest_version(&self.log_entries().await?).unwrap_or_default();
        let begin = match self.commit_time(oldest).await? {
            Some(first) => format!("; the log begins with version {oldest} at {}", instant(first)),
            None => String::new(),
        };
        Err(LakeError::NoVersion { reason: format!("there is no version from {} or before{begin}", instant(time)) })
    }

    /// Looks for the files that `older` needs and this version does not have any more.
    async fn check_files(&self, older: &Self) -> Result<(), LakeError> {
        let (newest, snapshot) = (self.snapshot(), older.snapshot());
        let live: HashSet<&Path> = newest.files.iter().map(|file| &file.path).collect();
        let doubtful: Vec<Path> =
            snapshot.files.iter().map(|file| &file.path).filter(|path| !live.contains(path)).cloned().collect();
        let store = self.store();
        let missing: Vec<Path> = stream::iter(doubtful)
            .map(|path| {
                let store = store.clone();
                async move {
                    match store.head(&path).await {
                        Ok(_) => Ok(None),
                        Err(StoreError::NotFound { .. }) => Ok(Some(path)),
                        Err(source) => Err(LakeError::store("looking for", &path, source)),
                    }
                }
            })
            .buffer_unordered(REQUESTS_IN_FLIGHT)
            .try_filter_map(|missing| async move { Ok(missing) })
            .try_collect()
            .await?;
        match missing.first() {
            None => Ok(()),
            Some(first) => Err(LakeError::Vacuumed {
                version: snapshot.version,
                missing: missing.len(),
                files: snapshot.files.len(),
                first: first.clone(),
            }),
        }
    }
}

fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
