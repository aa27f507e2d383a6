//! What ends upkeep before its time.

use chrono::NaiveDate;
use object_store::path::Path;
use parquet::errors::ParquetError;
use trailql_lake::LakeError;

/// Upkeep could not go on. What was committed before stays, and the lake is whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpkeepError {
    /// The lake could not be read or committed to.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// A file of the lake could not be read, written or listed.
    #[error("{action} {path}")]
    Store {
        /// `reading`, `writing` or `listing`.
        action: &'static str,
        /// Path within the lake.
        path: Path,
        /// The cause.
        source: object_store::Error,
    },
    /// Parquet could not be encoded or decoded.
    #[error("{action} Parquet file {path}")]
    Parquet {
        /// `writing` or `reading`.
        action: &'static str,
        /// Path within the lake.
        path: Path,
        /// The cause.
        source: ParquetError,
    },
    /// A data file holds columns that this version of trailql does not know, or other types; rewriting it would lose them.
    #[error("data file {path} is left as it is: {reason}")]
    Foreign {
        /// Path within the lake.
        path: Path,
        /// What is different.
        reason: String,
    },
    /// Files that a crash left in a local lake could not be looked for.
    #[error("looking for unfinished files")]
    Folder(#[source] std::io::Error),
    /// A retention floor in the future would keep every new event out.
    #[error("{floor} lies in the future: no event would be kept")]
    FutureFloor {
        /// The day asked for.
        floor: NaiveDate,
    },
    /// Other writers kept committing first.
    #[error("gave up after {attempts} commits by other writers; run it again")]
    Contention {
        /// Commits that were lost.
        attempts: usize,
    },
    /// A worker thread died.
    #[error("a worker died")]
    Worker(#[from] tokio::task::JoinError),
}

impl UpkeepError {
    pub(crate) fn store(action: &'static str, path: &Path, source: object_store::Error) -> Self {
        Self::Store { action, path: path.clone(), source }
    }

    pub(crate) fn parquet(action: &'static str, path: &Path, source: impl Into<ParquetError>) -> Self {
        Self::Parquet { action, path: path.clone(), source: source.into() }
    }

    pub(crate) fn foreign(path: &Path, reason: impl Into<String>) -> Self {
        Self::Foreign { path: path.clone(), reason: reason.into() }
    }
}
