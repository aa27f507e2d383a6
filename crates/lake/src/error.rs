//! What can go wrong with a lake.

use deltalake::DeltaTableError;
use object_store::path::Path;
use trailql_store::{Problem, StoreError};

/// A lake could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LakeError {
    /// There is no Delta table at the given place.
    #[error("no lake at {location}")]
    NotFound {
        /// The place as the user named it.
        location: String,
    },
    /// The place is a Delta table, but not one that trailql made.
    #[error("{location} is a Delta table of something else: {reason}")]
    NotALake {
        /// The place as the user named it.
        location: String,
        /// What is missing or different.
        reason: String,
    },
    /// The place cannot be a lake at all: not a folder, not a known URL scheme.
    #[error("{location} cannot hold a lake")]
    Location {
        /// The place as the user named it.
        location: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The bucket of the lake cannot be used.
    #[error(transparent)]
    Bucket(#[from] StoreError),
    /// The Delta log could not be read or written.
    #[error("{action} the Delta log of {url}")]
    Log {
        /// `reading`, `writing`, `writing a checkpoint of` or `creating`.
        action: &'static str,
        /// The lake.
        url: String,
        /// The cause.
        source: Box<DeltaTableError>,
    },
    /// A file of the lake could not be read or written.
    #[error("{action} {path}")]
    Store {
        /// `reading`, `writing`, `listing` or `looking for`.
        action: &'static str,
        /// Path within the lake.
        path: Path,
        /// The cause.
        source: object_store::Error,
    },
    /// A file of the ledger or of the index is not what the Delta log says it is.
    #[error("{path} is damaged: {reason}")]
    Ledger {
        /// Path within the lake.
        path: Path,
        /// What is wrong.
        reason: String,
    },
    /// A file of the ledger or of the index is gone. Most likely another writer merged it into a larger one: refresh and try again.
    #[error("{path} is gone")]
    LedgerMoved {
        /// Path within the lake.
        path: Path,
    },
    /// A file of integrity records cannot be read, or cannot be made.
    #[error("integrity records {path} are damaged: {reason}")]
    Proofs {
        /// Path within the lake.
        path: Path,
        /// What is wrong.
        reason: String,
    },
    /// A data file that should be taken out is not in the lake (any more); nothing was written to the log.
    #[error("data file {path} is not in version {version}")]
    NotLive {
        /// Path within the lake.
        path: Path,
        /// The version that was looked at.
        version: u64,
    },
    /// The log has no version for what was asked.
    #[error("{reason}")]
    NoVersion {
        /// What was asked for, and what there is.
        reason: String,
    },
    /// Data files of an older version were deleted, so it cannot be read any more.
    #[error(
        "version {version} cannot be read any more: {missing} of its {files} data files were vacuumed, such as {first}"
    )]
    Vacuumed {
        /// The version asked for.
        version: u64,
        /// Files that are gone.
        missing: usize,
        /// Files of the version.
        files: usize,
        /// One of the files that are gone.
        first: Path,
    },
    /// Another writer committed first; nothing was written to the log. Refresh, check for duplicates, try again.
    #[error("another writer committed version {version} first")]
    Conflict {
        /// The version that was taken.
        version: u64,
    },
}

impl LakeError {
    /// What the error comes down to, if a store is behind it that is not a local folder.
    pub fn problem(&self) -> Option<Problem> {
        match self {
            Self::Log { url, source, .. } if !url.starts_with("file:") => Some(Problem::of(source.as_ref())),
            Self::Store { source, .. } => Some(Problem::of(source)),
            _ => None,
        }
    }

    pub(crate) fn store(action: &'static str, path: &Path, source: object_store::Error) -> Self {
        Self::Store { action, path: path.clone(), source }
    }

    /// A file of a segment could not be read; one that is not there was merged into another.
    pub(crate) fn segment(path: &Path, source: object_store::Error) -> Self {
        match source {
            object_store::Error::NotFound { .. } => Self::LedgerMoved { path: path.clone() },
            source => Self::store("reading", path, source),
        }
    }

    pub(crate) fn proofs(path: &Path, reason: impl ToString) -> Self {
        Self::Proofs { path: path.clone(), reason: reason.to_string() }
    }

    pub(crate) fn ledger(path: &Path, reason: impl ToString) -> Self {
        Self::Ledger { path: path.clone(), reason: reason.to_string() }
    }
}
