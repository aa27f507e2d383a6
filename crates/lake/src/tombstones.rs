//! Data files that the Delta log names as removed.

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::path::Path;

use crate::error::LakeError;
use crate::lake::Lake;

/// A data file that was taken out of the lake and may still be there for older versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Path relative to the lake.
    pub path: Path,
    /// When it was taken out, by the clock of who did it.
    pub removed: DateTime<Utc>,
}

impl Lake {
    /// The removed files that the log remembers: those since the last checkpoint, and of a week before it.
    pub async fn tombstones(&self) -> Result<Vec<Tombstone>, LakeError> {
        let state = self.table.snapshot().map_err(|source| self.log_error("reading", source))?;
        let log_store = self.table.log_store();
        let views: Vec<_> = state
            .all_tombstones(log_store.as_ref())
            .try_collect()
            .await
            .map_err(|source| self.log_error("reading", source))?;
        let tombstone = |view: deltalake::kernel::TombstoneView| {
            let path = Path::parse(view.path().as_ref()).unwrap_or_else(|_| Path::from(view.path().as_ref()));
            // A tombstone without a time is taken for fresh: that keeps the file.
            let removed =
                view.deletion_timestamp().filter(|millis| *millis > 0).and_then(DateTime::from_timestamp_millis);
            Tombstone { path, removed: removed.unwrap_or_else(Utc::now) }
        };
        Ok(views.into_iter().map(tombstone).collect())
    }
}
