//! What an ingest is asked to do, and where it says how far it is.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chrono::{DateTime, NaiveDate, Utc};

use crate::proof::Verify;

/// JSON bytes of a commit unless asked otherwise. Two batches are in memory at a time, one being filled and one being
/// written, and columns take about what the JSON takes: 96 MiB keeps the peak well below 1 GiB.
pub const DEFAULT_BATCH_BYTES: u64 = 96 << 20;

/// What to ingest, and from where.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Files, folders and patterns.
    pub sources: Vec<String>,
    /// Which events to take.
    pub filters: Filters,
    /// Of a bucket, list only the days of delivery from this one on.
    pub delivered_from: Option<NaiveDate>,
    /// Names of files to leave for another run.
    pub put_off: HashSet<String>,
    /// Take only log files that a digest proves.
    pub verify: Option<Arc<Verify>>,
    /// Count only: write nothing, commit nothing.
    pub dry_run: bool,
    /// JSON bytes after which what was read is committed.
    pub batch_bytes: u64,
}

impl IngestOptions {
    /// Asks for all events of some files, folders and patterns.
    pub fn new(sources: Vec<String>) -> Self {
        Self {
            sources,
            filters: Filters::default(),
            delivered_from: None,
            put_off: HashSet::new(),
            verify: None,
            dry_run: false,
            batch_bytes: DEFAULT_BATCH_BYTES,
        }
    }
}

/// Conditions that an event must meet, all of them. Empty lists and `None` ask for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Earliest `eventtime`, inclusive.
    pub since: Option<DateTime<Utc>>,
    /// Latest `eventtime`, exclusive.
    pub until: Option<DateTime<Utc>>,
    /// Accounts, compared with `recipientaccountid`, or `useridentity.accountid` where an event lacks it.
    pub accounts: Vec<String>,
    /// Regions, compared with `awsregion`.
    pub regions: Vec<String>,
    /// An SQL condition over the stored columns.
    pub condition: Option<String>,
}

impl Filters {
    /// Text that is the same for the same filters, and empty for none; the ledger keeps it beside a file that was not
    /// taken in whole.
    pub fn identity(&self) -> String {
        if *self == Self::default() {
            return String::new();
        }
        let (mut accounts, mut regions) = (self.accounts.clone(), self.regions.clone());
        accounts.sort_unstable();
        regions.sort_unstable();
        format!("{:?} {:?} {accounts:?} {regions:?} {:?}", self.since, self.until, self.condition)
    }
}

/// Counters that a running ingest moves and anybody may read.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files that will be read; known once the source is listed.
    pub files_total: AtomicU64,
    /// Bytes of these files, as stored.
    pub bytes_total: AtomicU64,
    /// Files read so far.
    pub files: AtomicU64,
    /// Bytes read so far, as stored.
    pub bytes: AtomicU64,
    /// Events read so far.
    pub events: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// Makes counters at zero.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Asks the ingest to commit what it has read and to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
