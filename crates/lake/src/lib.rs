//! The lake: a Delta table of CloudTrail events, the ledger of what went into it, and its commits.
//!
//! ```text
//! LAKE/
//!   _delta_log/                      the Delta log; one JSON file a commit, Parquet checkpoints
//!   _ledger/<segment>.objects.parquet  which log files were ingested, with their counts
//!   _ledger/<segment>.ids              hashes of the event IDs that the lake holds
//!   _rejected/<run>.jsonl              records and files that could not be read, with reasons
//!   region=us-east-1/date=2024-03-01/part-<uuid>.parquet
//! ```
//!
//! Which ledger segments count is stated by the Delta log itself (domain metadata `trailql.ledger`), so events
//! and ledger become visible in the same commit.

mod commit;
mod conditional;
mod error;
mod history;
mod id_index;
mod lake;
mod ledger;
mod log_cache;
mod snapshot;

pub use commit::{NewFile, PendingCommit};
pub use error::LakeError;
pub use history::CommitSummary;
pub use lake::Lake;
pub use ledger::{Ledger, LedgerDelta, ObjectEntry, ObjectKey};
pub use snapshot::{DataFile, Snapshot};

/// Folder of the lake that keeps rejected records and files, one JSON-lines file a run.
pub const REJECTED_FOLDER: &str = "_rejected";
