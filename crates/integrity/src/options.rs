//! What a validation is asked to do, and how far it has come.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use chrono::{DateTime, Utc};

use crate::state::ProvedLogs;

/// What is to be looked at.
#[derive(Debug, Clone, Default)]
pub struct Filters {
    /// Log files delivered at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Log files delivered before this time.
    pub until: DateTime<Utc>,
    /// Only these accounts; all if empty.
    pub accounts: Vec<String>,
    /// Only these regions; all if empty.
    pub regions: Vec<String>,
    /// Only trails of these names; all if empty.
    pub trails: Vec<String>,
}

impl Filters {
    pub(crate) fn allows_account(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.iter().any(|allowed| allowed == account)
    }

    pub(crate) fn allows_region(&self, region: &str) -> bool {
        self.regions.is_empty() || self.regions.iter().any(|allowed| allowed == region)
    }

    pub(crate) fn allows_trail(&self, trail: &str) -> bool {
        self.trails.is_empty() || self.trails.iter().any(|allowed| allowed == trail)
    }

    pub(crate) fn allows_time(&self, time: Option<DateTime<Utc>>) -> bool {
        time.is_none_or(|time| self.since.is_none_or(|since| since <= time) && time < self.until)
    }
}

/// Options of a validation.
#[derive(Debug, Default)]
pub struct ValidateOptions {
    /// What is to be looked at.
    pub filters: Filters,
    /// Log files that were proved before; grows by those that are proved now.
    pub proved: Option<Arc<ProvedLogs>>,
    /// Folder that everything needed for a later proof is copied to.
    pub export: Option<PathBuf>,
}

/// How far a validation has come; shared with whoever shows it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Digests known to be in the source.
    pub digests_total: AtomicU64,
    /// Digests looked at.
    pub digests: AtomicU64,
    /// Log files that digests mention so far.
    pub logs_total: AtomicU64,
    /// Log files looked at.
    pub logs: AtomicU64,
    /// Bytes read, as stored.
    pub bytes: AtomicU64,
}
