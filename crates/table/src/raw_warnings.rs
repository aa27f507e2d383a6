//! What queries over log files could not read.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Files that are remembered by name; beyond it they are counted.
const MAX_NAMED: usize = 1000;

/// A log file that a query read in part, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawWarning {
    /// The log file.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

impl std::fmt::Display for RawWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file, self.reason)
    }
}

/// Collects warnings while queries run, until they are taken.
#[derive(Debug, Default)]
pub struct RawWarnings {
    collected: Mutex<Collected>,
}

#[derive(Debug, Default)]
struct Collected {
    reasons: BTreeMap<String, String>,
    unnamed: u64,
}

impl RawWarnings {
    /// Takes what was collected since the last call: one warning per file, in the order of names.
    pub fn take(&self) -> Vec<RawWarning> {
        let collected = std::mem::take(&mut *self.collected.lock().unwrap_or_else(PoisonError::into_inner));
        let more = (collected.unnamed > 0).then(|| RawWarning {
            file: format!("{} more files", collected.unnamed),
            reason: "could not be read whole either".to_owned(),
        });
        collected.reasons.into_iter().map(|(file, reason)| RawWarning { file, reason }).chain(more).collect()
    }

    pub(crate) fn add(&self, file: &str, reason: String) {
        tracing::warn!(file, reason, "log file not read whole");
        let mut collected = self.collected.lock().unwrap_or_else(PoisonError::into_inner);
        if collected.reasons.len() < MAX_NAMED || collected.reasons.contains_key(file) {
            collected.reasons.insert(file.to_owned(), reason);
        } else {
            collected.unnamed += 1;
        }
    }
}
