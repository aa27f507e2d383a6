//! What can go wrong in the shell, apart from wrong queries.

use std::io;
use std::path::PathBuf;

use rustyline::error::ReadlineError;
use trailql_sql::{FormatError, SqlError, UnknownFormat};

/// A command or statement of the shell failed; the session goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplError {
    /// The query is wrong or failed.
    #[error(transparent)]
    Sql(#[from] SqlError),
    /// The result could not be shown.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// `\f` named no format.
    #[error(transparent)]
    UnknownFormat(#[from] UnknownFormat),
    /// `\f` named a format that only files hold.
    #[error("{format} is not for a terminal; send it to a file: trailql sql --format {format} -o FILE")]
    BinaryFormat {
        /// Its name.
        format: &'static str,
    },
    /// A file of `\i`, `\o` or `\s` could not be used.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The editor, the pager or the command of `\o |` could not be run.
    #[error("running '{program}': {source}")]
    Program {
        /// Its command line.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// There is no such table for `\d`.
    #[error("no table named '{name}'; \\dt lists them")]
    NoTable {
        /// The name that was given.
        name: String,
    },
    /// There is no such command.
    #[error("no command '{name}'; \\? lists them")]
    NoCommand {
        /// The command as typed.
        name: String,
    },
    /// A command lacks its argument.
    #[error("usage: {usage}")]
    Usage {
        /// How to write it.
        usage: &'static str,
    },
    /// New commits of the lake could not be read; the tables stay as they were.
    #[error("reading the lake's new commits: {message}")]
    Refresh {
        /// What the lake said.
        message: String,
    },
    /// The terminal failed.
    #[error("reading from the terminal")]
    Terminal(#[from] ReadlineError),
    /// Writing to the terminal failed.
    #[error("writing to the terminal")]
    Io(#[from] io::Error),
}
