//! What the lake says about files and events, while other writers go on changing it.

use std::collections::HashMap;

use trailql_lake::{Lake, LakeError, Ledger, ObjectKey};

use crate::batch::Batch;
use crate::dedup::dedup;
use crate::error::IngestError;
use crate::expired::drop_expired;

/// The files that the ledger has, with the filter they were read under.
pub(crate) async fn known_files(lake: &mut Lake) -> Result<HashMap<ObjectKey, String>, IngestError> {
    loop {
        match lake.ledger().objects().await {
            Err(moved @ LakeError::LedgerMoved { .. }) => lake.catch_up(moved).await?,
            known => return Ok(known?),
        }
    }
}

/// Takes out of `batch` what has expired, and what the lake has already, as [`dedup`] does.
///
/// Returns how many rows changed.
pub(crate) async fn drop_unwanted(
    batch: &mut Batch,
    lake: &mut Lake,
    since: Option<&Ledger>,
) -> Result<usize, IngestError> {
    let mut changed = 0;
    loop {
        if let Some(floor) = lake.retention_floor().await? {
            changed += drop_expired(batch, floor);
        }
        match dedup(batch, Some(lake), since).await {
            Err(IngestError::Lake(moved @ LakeError::LedgerMoved { .. })) => lake.catch_up(moved).await?,
            outcome => return Ok(changed + outcome?),
        }
    }
}
