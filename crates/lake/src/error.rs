//! What can go wrong with a lake.

use deltalake::DeltaTableError;
use object_store::path::Path;
use trailql_store::{Problem, StoreError};

use crate::ledger::LEDGER_FOLDER;

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
        /// `reading`, `writing` or `creating`.
        action: &'static str,
        /// The lake.
        url: String,
        /// The cause.
        source: Box<DeltaTableError>,
    },
    /// A file of the lake could not be read or written.
    #[error("{action} {path}")]
    Store {
        /// `reading`, `writing` or `deleting`.
        action: &'static str,
        /// Path within the lake.
        path: Path,
        /// The cause.
        source: object_store::Error,
    },
    /// A ledger file is not what the Delta log says it is.
    #[error("ledger file {path} is damaged: {reason}")]
    Ledger {
        /// Path within the lake.
        path: Path,
        /// What is wrong.
        reason: String,
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

    /// Whether a file of the ledger is gone because another writer merged it into a larger one; the newest version of
    /// the lake names that.
    pub fn is_superseded(&self) -> bool {
        let Self::Store { path, source: object_store::Error::NotFound { .. }, .. } = self else { return false };
        path.parts().next().is_some_and(|folder| folder.as_ref() == LEDGER_FOLDER)
    }

    pub(crate) fn store(action: &'static str, path: &Path, source: object_store::Error) -> Self {
        Self::Store { action, path: path.clone(), source }
    }

    pub(crate) fn ledger(path: &Path, reason: impl ToString) -> Self {
        Self::Ledger { path: path.clone(), reason: reason.to_string() }
    }
}
