//! The retention floor: the first day that the lake still keeps.
//!
//! Expired events must not come back with the next ingest of the same bucket or with a late delivery, and the ledger does
//! not know those that were never taken. So the Delta log states the floor as domain metadata, which every ingest obeys.

use chrono::NaiveDate;
use deltalake::protocol::DeltaOperation;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use trailql_event::DATE;

use crate::commit::domain_metadata;
use crate::error::LakeError;
use crate::lake::Lake;
use crate::snapshot::DataFile;

/// Domain of the Delta log's metadata that states the floor.
pub(crate) const RETENTION_DOMAIN: &str = "trailql.retention";

/// The floor as the Delta log keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// First UTC day that is kept, as `2024-03-01`.
    floor: String,
}

impl Lake {
    /// Returns the first UTC day that the lake keeps; `None` where nothing ever expired.
    ///
    /// Read from the Delta log when first asked for.
    pub async fn retention_floor(&self) -> Result<Option<NaiveDate>, LakeError> {
        self.floor.get_or_try_init(|| self.read_floor()).await.copied()
    }

    /// Takes data files out of the lake for good, and raises the floor; it is never lowered.
    ///
    /// Fails with [`LakeError::Conflict`] if another writer committed since; see [`Lake::commit`].
    pub async fn expire(&mut self, expired: &[DataFile], floor: NaiveDate) -> Result<u64, LakeError> {
        let floor = self.retention_floor().await?.map_or(floor, |known| known.max(floor));
        let mut actions = self.removals(expired, true)?;
        let manifest = serde_json::to_string(&Manifest { floor: floor.to_string() }).expect("a text is JSON");
        actions.push(domain_metadata(RETENTION_DOMAIN, manifest));
        let events = expired.iter().filter_map(|file| file.row_count).sum();
        let operation = DeltaOperation::Delete { predicate: Some(format!("{DATE} < '{floor}'")) };
        self.write_log(actions, operation, &[("expired", events)]).await
    }

    async fn read_floor(&self) -> Result<Option<NaiveDate>, LakeError> {
        let state = self.table.snapshot().map_err(|source| self.log_error("reading", source))?;
        let manifest = state.snapshot().domain_metadata(self.table.log_store().as_ref(), RETENTION_DOMAIN).await;
        let Some(manifest) = manifest.map_err(|source| self.log_error("reading", source))? else { return Ok(None) };
        let damaged = |reason: String| LakeError::ledger(&Path::from(RETENTION_DOMAIN), reason);
        let manifest: Manifest = serde_json::from_str(&manifest).map_err(|error| damaged(error.to_string()))?;
        manifest.floor.parse().map(Some).map_err(|_| damaged(format!("{:?} is no day", manifest.floor)))
    }
}
