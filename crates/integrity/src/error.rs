//! What keeps a validation from being done at all.

/// A validation that could not be done; says nothing about the logs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntegrityError {
    /// The source holds nothing that CloudTrail delivered.
    #[error(
        "{source_name}: no AWSLogs folder there; give a bucket, a folder that is a copy of one, or a part of either"
    )]
    NoTrail {
        /// The source as given.
        source_name: String,
    },
    /// The source has AWSLogs folders, and nothing in them that the filters let through.
    #[error("{source_name}: no log files or digests of the accounts, regions and trails asked for")]
    NothingToCheck {
        /// The source as given.
        source_name: String,
    },
    /// The source could not be opened.
    #[error("cannot open {source_name}")]
    Open {
        /// The source as given.
        source_name: String,
        /// The cause.
        source: object_store::Error,
    },
    /// The source could not be listed, so that nothing can be said about what is missing.
    #[error("cannot list {prefix}")]
    List {
        /// What was to be listed.
        prefix: String,
        /// The cause.
        source: object_store::Error,
    },
    /// A file of public keys is not what `aws cloudtrail list-public-keys` prints.
    #[error("{file}: not the output of `aws cloudtrail list-public-keys` ({reason})")]
    Keys {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of trailql's own could not be read or written.
    #[error("cannot {action} {file}")]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        file: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The manifest of exported evidence cannot be read.
    #[error("{file}: not a manifest of exported evidence ({reason})")]
    Manifest {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key name that a path of the source cannot hold.
    #[error("{key:?} cannot be looked up in the source")]
    Key {
        /// The key.
        key: String,
        /// The cause.
        source: object_store::path::Error,
    },
    /// A worker died.
    #[error("a worker died")]
    Worker(#[from] tokio::task::JoinError),
}
