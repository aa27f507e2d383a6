//! The lake: a Delta table of CloudTrail events, the ledger of what went into it, and its commits.
//!
//! ```text
//! LAKE/
//!   _delta_log/                      the Delta log; one JSON file a commit, Parquet checkpoints
//!   _ledger/<segment>.objects.parquet  which log files were ingested, with their counts
//!   _ledger/<segment>.ids              hashes of the event IDs that the lake holds
//!   _index/<segment>.blooms            bloom filters of the data files, side by side
//!   _rejected/<run>.jsonl              records and files that could not be read, with reasons
//!   _integrity/…                       what is known about the integrity of log files
//!   region=us-east-1/date=2024-03-01/part-<uuid>.parquet
//! ```
//!
//! Which segments of ledger and index count is stated by the Delta log itself (domain metadata `trailql.ledger` and
//! `trailql.index`), so events, ledger and index become visible in the same commit.

mod bloom_index;
mod commit;
mod conditional;
mod error;
pub mod file_format;
mod history;
mod id_index;
mod lake;
mod ledger;
mod log;
mod log_cache;
mod proofs;
mod retention;
mod rewrite;
mod snapshot;
mod time_travel;
mod tombstones;

pub use bloom_index::{BloomIndex, FileBlooms, INDEX_FOLDER, is_index_path};
pub use commit::{NewFile, PendingCommit};
pub use error::LakeError;
pub use history::CommitSummary;
pub use lake::Lake;
pub use ledger::{LEDGER_FOLDER, Ledger, LedgerDelta, ObjectEntry, ObjectKey, is_ledger_path};
pub use log::{LOG_FOLDER, LogEntry, LogEntryKind, is_log_path, oldest_version};
pub use proofs::{
    DigestRecord, DigestVerdict, LogRecord, PROOFS_FOLDER, ProofRun, ProofState, digest_proof_schema, is_proof_path,
    log_proof_schema,
};
pub use snapshot::{DataFile, Snapshot};
pub use time_travel::AsOf;
pub use tombstones::Tombstone;

/// Folder of the lake that keeps rejected records and files, one JSON-lines file a run.
pub const REJECTED_FOLDER: &str = "_rejected";
