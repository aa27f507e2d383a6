//! What can go wrong with tables.

use trailql_source::SourceError;

/// A table could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The log files of `cloudtrail_raw` could not be listed.
    #[error(transparent)]
    Source(#[from] SourceError),
}
