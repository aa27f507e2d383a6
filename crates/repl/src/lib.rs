//! The interactive shell: multi-line statements, completion, history, a pager, and backslash commands as in psql.
//!
//! [`Repl`] talks to a terminal; what it runs, a [`trailql_sql::Session`], does not. Statements end with `;`,
//! commands begin with `\`. Ctrl-C gives up the line or the running query and keeps the session, Ctrl-D leaves.

mod command;
mod completion;
mod editor;
mod error;
mod external_editor;
mod highlight;
mod interrupts;
mod listing;
mod output;
mod shell;

pub use error::ReplError;
pub use shell::{RefreshFn, Repl, ReplOptions, WarningsFn};
