//! How far a compaction is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counters that a running [`optimize`](crate::optimize) moves and anybody may read.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of the files that will be merged, as far as that is planned.
    pub bytes_total: AtomicU64,
    /// Bytes of the files merged so far.
    pub bytes: AtomicU64,
    /// Files merged so far.
    pub files: AtomicU64,
    stop: AtomicBool,
}

impl Progress {
    /// Makes counters at zero.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Asks the compaction to commit what it has in hand and to end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
