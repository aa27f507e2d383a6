//! Retention: days that the lake does not keep any more.

use std::collections::BTreeMap;

use chrono::{NaiveDate, Utc};
use serde::Serialize;
use trailql_lake::{DataFile, Lake, LakeError, Snapshot};

use crate::error::UpkeepError;

/// Commits lost to other writers before giving up.
const MAX_ATTEMPTS: usize = 100;

/// What to take out of the lake.
#[derive(Debug, Clone)]
pub struct ExpireOptions {
    /// First UTC day to keep.
    pub floor: NaiveDate,
    /// Take out the events without a readable time as well.
    pub undated: bool,
    /// Say what would go, and change nothing.
    pub dry_run: bool,
}

/// What went, or would go.
#[derive(Debug, Clone, Serialize)]
pub struct ExpireSummary {
    /// Version of the lake after it.
    pub version: u64,
    /// First UTC day that the lake keeps from now on; an earlier run may have set a later one.
    pub floor: NaiveDate,
    /// Days that went, in order; those without a readable time come first.
    pub days: Vec<ExpiredDay>,
    /// Files that went.
    pub files: u64,
    /// Events that went, as far as the log states them.
    pub events: u64,
    /// Bytes of the files that went; they are freed by [`vacuum`](crate::vacuum()).
    pub bytes: u64,
    /// Nothing was changed.
    pub dry_run: bool,
}

/// One day that went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ExpiredDay {
    /// UTC day; `None` for events without a readable time.
    pub day: Option<NaiveDate>,
    /// Files that went.
    pub files: u64,
    /// Events that went.
    pub events: u64,
    /// Bytes of the files that went.
    pub bytes: u64,
}

/// Takes all days before the floor out of the lake, in one commit, and keeps their events from coming back.
///
/// The files stay on disk for older versions until [`vacuum`](crate::vacuum()) deletes them. Fails with
/// [`UpkeepError::FutureFloor`] where the floor would keep today's events out.
pub async fn expire(lake: &mut Lake, options: &ExpireOptions) -> Result<ExpireSummary, UpkeepError> {
    if options.floor > Utc::now().date_naive() {
        return Err(UpkeepError::FutureFloor { floor: options.floor });
    }
    for _ in 0..MAX_ATTEMPTS {
        lake.refresh().await?;
        let known = lake.retention_floor().await?;
        let floor = known.map_or(options.floor, |known| known.max(options.floor));
        let expired = expired_files(&lake.snapshot(), floor, options.undated);
        let is_settled = expired.is_empty() && known == Some(floor);
        if options.dry_run || is_settled {
            return Ok(summary(lake, floor, &expired, options.dry_run));
        }
        match lake.expire(&expired, floor).await {
            Ok(version) => {
                tracing::info!(version, files = expired.len(), %floor, "expired");
                return Ok(summary(lake, floor, &expired, false));
            }
            // It may have added old events, or merged some of the files: planned anew.
            Err(LakeError::Conflict { version }) => tracing::info!(version, "another writer committed first"),
            Err(error) => return Err(error.into()),
        }
    }
    Err(UpkeepError::Contention { attempts: MAX_ATTEMPTS })
}

fn expired_files(snapshot: &Snapshot, floor: NaiveDate, undated: bool) -> Vec<DataFile> {
    let is_expired = |file: &&DataFile| file.day().map_or(undated, |day| day < floor);
    snapshot.files.iter().filter(is_expired).cloned().collect()
}

fn summary(lake: &Lake, floor: NaiveDate, expired: &[DataFile], dry_run: bool) -> ExpireSummary {
    let mut days: BTreeMap<Option<NaiveDate>, ExpiredDay> = BTreeMap::new();
    for file in expired {
        let day = days.entry(file.day()).or_insert_with(|| ExpiredDay { day: file.day(), ..ExpiredDay::default() });
        day.files += 1;
        day.events += file.row_count.unwrap_or_default();
        day.bytes += file.size_bytes;
    }
    let days: Vec<ExpiredDay> = days.into_values().collect();
    ExpireSummary {
        version: lake.snapshot().version,
        floor,
        files: days.iter().map(|day| day.files).sum(),
        events: days.iter().map(|day| day.events).sum(),
        bytes: days.iter().map(|day| day.bytes).sum(),
        days,
        dry_run,
    }
}
