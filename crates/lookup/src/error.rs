//! What can go wrong with a fetch.

use std::path::PathBuf;

/// A fetch that could not go on; what it wrote before stays, and the next one goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// CloudTrail refused or could not be reached.
    #[error("looking up the events of {region}: {reason}")]
    Api {
        /// The region that was asked.
        region: String,
        /// What CloudTrail or the connection says.
        reason: String,
    },
    /// The folder cannot be read or written.
    #[error("{path}: cannot be read or written")]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}
