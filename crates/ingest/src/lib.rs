//! Log files into the lake: list, unpack, decode, filter, drop duplicates, write Parquet, commit.
//!
//! ```text
//! listing ─► plan ─► units ─► decode + filter (all cores) ─► batch ─► dedup ─► partitions ─► Parquet ─► commit
//!                                                             │ bounded in bytes; the next one fills meanwhile
//! ```

mod account;
mod against_lake;
mod batch;
mod compare;
mod decode;
mod dedup;
mod delivery;
mod error;
mod expired;
mod filter;
mod options;
mod parquet;
mod partition_file;
mod plan;
mod proof;
mod proof_record;
mod rejected;
mod run;
mod sort;

pub use account::{FailedFile, FileCounts, Latency, Summary, Verified};
pub use delivery::open_delivery;
pub use error::IngestError;
pub use options::{DEFAULT_BATCH_BYTES, Filters, IngestOptions, Progress};
pub use proof::Verify;
pub use proof_record::{digest_record, log_record, version_key};
pub use run::ingest;
