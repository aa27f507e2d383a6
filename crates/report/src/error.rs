//! Why the library or a report could not be used.

use std::path::PathBuf;

/// The library, a baseline or a report file could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file or folder could not be read.
    #[error("reading {path}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A query file has a mistake in its header, or its header does not fit its SQL.
    #[error("{file}:{line}: {message}")]
    Header {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A file is not what it should be: a baseline, a pack, or a report to compare.
    #[error("{file}: {message}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        message: String,
    },
    /// Two queries of a library have one name.
    #[error("{first} and {second} are both named '{name}'; a name is used once in a library")]
    Twice {
        /// The name.
        name: String,
        /// The first file.
        first: String,
        /// The second file.
        second: String,
    },
    /// Nothing in the library or on disk is called so.
    #[error("no query, folder, pack or file named '{name}'{}", hint.as_ref().map(|hint| format!("; did you mean '{hint}'?")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        name: String,
        /// A name that is like it.
        hint: Option<String>,
    },
    /// A parameter's value is missing or of the wrong kind.
    #[error("{message}")]
    Parameter {
        /// What is wrong, and what would be right.
        message: String,
    },
    /// The events of the window could not be counted.
    #[error("reading the events")]
    Events {
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
