//! Why results could not be put in their place.

use std::io;

use trailql_store::{Problem, StoreError};

use crate::place::Place;

/// Results could not be put in their place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A place that is neither a path nor a URL of S3.
    #[error("{text}: results cannot be written to {scheme}://; give a path or s3://BUCKET/KEY")]
    Scheme {
        /// The place as given.
        text: String,
        /// Its scheme.
        scheme: String,
    },
    /// A key that no object can have.
    #[error("{text}: {reason}")]
    Key {
        /// The place as given.
        text: String,
        /// What is wrong with the key.
        reason: String,
    },
    /// The bucket cannot be used.
    #[error(transparent)]
    Bucket(#[from] StoreError),
    /// A file or pipe refused the bytes.
    #[error("writing {place}: {source}")]
    Io {
        /// What was being written.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// The store refused a request.
    #[error("writing {place}: {}", Problem::of(.source))]
    Store {
        /// What was being written.
        place: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// A folder that holds something, and must not.
    #[error("{place} is not empty; name a new folder, or overwrite its files (OVERWRITE in COPY, --overwrite)")]
    NotEmpty {
        /// The folder.
        place: Place,
    },
}

impl ExportError {
    pub(crate) fn io(place: impl ToString) -> impl Fn(io::Error) -> Self {
        let place = place.to_string();
        move |source| Self::Io { place: place.clone(), source }
    }

    pub(crate) fn store(place: impl ToString) -> impl Fn(object_store::Error) -> Self {
        let place = place.to_string();
        move |source| Self::Store { place: place.clone(), source }
    }

    /// Says whether the reader at the other end of a pipe went away: a quiet end, no failure.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Says whether what was asked for is wrong, and not the work on it.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Scheme { .. } | Self::Key { .. } | Self::Bucket(_) | Self::NotEmpty { .. })
    }

    /// What to do about it, where that is not plain.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Bucket(error) => error.hint(),
            Self::Store { source, .. } => Problem::of(source).hint(),
            _ => None,
        }
    }
}
