//! The SQL session: tables, views, functions, errors for people, and output formats.
//!
//! A [`Session`] holds DataFusion's context with trailql's tables in it. [`split_statements`] cuts a script into
//! [`Statement`]s; [`Session::run`] answers one of them with an [`Answer`], a stream of record batches; a [`Format`]
//! writes such a stream, and [`write_result`] to a file, which is what `COPY` does. Nothing here prints or knows a terminal.

mod answer;
mod catalog;
mod config;
mod error;
mod export;
mod foreign;
mod format;
mod live_table;
mod parameter;
mod read_only;
mod script;
mod session;
mod suggest;
mod views;

pub use answer::{Answer, QueryMetrics};
pub use catalog::{ColumnInfo, ColumnKind, FunctionInfo, FunctionKind, TableInfo, TableKind, type_name};
pub use config::SessionOptions;
pub use error::{Place, SqlError};
pub use export::{ExportOptions, write_result};
pub use format::{
    Format, FormatError, FormatOptions, ParquetCompression, ResultWriter, TerminalGuard, UnknownFormat, printable,
};
pub use script::{Statement, ends_statement, split_statements};
pub use session::{DIGESTS_TABLE, INTEGRITY_TABLE, LOGS_TABLE, RAW_TABLE, Session};
pub use trailql_dialect::Notice;
pub use views::{BUILT_IN_VIEWS, BuiltInView};
