//! What keeps a lake small and fast over years.
//!
//! - [`optimize`] merges the small files that ingests leave into few large ones, without changing a row.
//! - [`expire`] takes whole days out of the lake and keeps them from coming back.
//! - [`vacuum`] deletes the files that no version within the retention needs.
//!
//! Each plans first and acts then; every change of the lake is one commit to its Delta log, so all of them may run beside
//! ingests, queries and each other, and may be killed at any moment.

mod error;
mod expire;
mod optimize;
mod progress;
mod vacuum;

pub use error::UpkeepError;
pub use expire::{ExpireOptions, ExpireSummary, ExpiredDay, expire};
pub use optimize::{DEFAULT_TARGET_BYTES, FailedCompaction, OptimizeOptions, OptimizeSummary, optimize};
pub use progress::Progress;
pub use vacuum::{Deletion, DeletionKind, FailedDeletion, VacuumOptions, VacuumSummary, vacuum};
