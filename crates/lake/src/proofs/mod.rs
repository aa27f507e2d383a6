//! What is known about the integrity of log files, kept beside the events.
//!
//! ```text
//! LAKE/_integrity/logs/<time>-<run>-<n>.parquet      log files, as one run found them
//! LAKE/_integrity/digests/<time>-<run>-<n>.parquet   digests, likewise
//! ```
//!
//! A run adds files and changes none; of one log file, what was found last counts. Rows name the version of the log file
//! that was looked at as the ledger does, so that events of another version do not pass for proved. Whoever can write the
//! lake can write these files, too: they are a convenience for queries, and the proof is made anew by `trailql validate`.

mod answer;
mod files;
mod records;
#[cfg(test)]
mod tests;

pub use answer::{digest_proof_schema, log_proof_schema};
pub use files::{PROOFS_FOLDER, ProofRun, is_proof_path};
pub use records::{DigestRecord, DigestVerdict, LogRecord, ProofState};
