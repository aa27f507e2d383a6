//! What can be wrong with a configuration.

use std::path::PathBuf;

use crate::value::Kind;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path}:{line}: {reason}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What the TOML parser says.
        reason: String,
    },
    /// A key that does not exist.
    #[error("{path}:{line}: there is no key {key}{}", .hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// The key as written, with dots.
        key: String,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// A value of the wrong kind.
    #[error("{origin}: {key} must be {kind}, and not {value}")]
    Value {
        /// File and line, environment variable or flag.
        origin: String,
        /// The key, with dots.
        key: String,
        /// What it must be.
        kind: Kind,
        /// What it is.
        value: String,
    },
    /// A name of `[lakes]` or `[sources]` without what it needs.
    #[error("{key} is missing: {reason}")]
    Missing {
        /// The key, with dots.
        key: String,
        /// What needs it.
        reason: String,
    },
}
