//! `trailql` without a command: the shell over the lake.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;
use trailql_repl::{Repl, ReplError, ReplOptions};
use trailql_sql::Format;

use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::query_session::QuerySession;
use crate::sql::{self, SqlArgs};

/// Runs the shell on the lake of the global options; statements that come through a pipe are run as `trailql sql` does.
pub(crate) async fn run(globals: &Globals) -> Result<Outcome, CliError> {
    if !std::io::stdin().is_terminal() {
        return sql::run(SqlArgs::default(), globals).await;
    }
    run_on(QuerySession::open(globals, None, &[]).await?, None, globals.quiet).await
}

/// Runs the shell until its user leaves, its results in `format` to begin with.
pub(crate) async fn run_on(
    query_session: QuerySession,
    format: Option<Format>,
    is_quiet: bool,
) -> Result<Outcome, CliError> {
    let options = ReplOptions {
        history: history_file(),
        is_quiet,
        format,
        greeting: Some(greeting(&query_session).await),
        refresh: query_session.refresher(),
        warnings: query_session.warnings(),
    };
    let session = Arc::clone(&query_session.session);
    let handle = Handle::current();
    // The line editor blocks its thread.
    let shell = tokio::task::spawn_blocking(move || Repl::try_new(session, options, handle)?.run());
    shell.await.unwrap_or_else(|error| Err(ReplError::Io(std::io::Error::other(error))))?;
    Ok(Outcome::Done)
}

async fn greeting(query_session: &QuerySession) -> String {
    format!(
        "trailql {}; {}\nStatements end with ;  \\? shows commands, \\q quits",
        env!("CARGO_PKG_VERSION"),
        query_session.summary().await
    )
}

/// `TRAILQL_HISTORY`, else the XDG state folder's, else a dot file at home; an empty variable keeps no history.
fn history_file() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("TRAILQL_HISTORY") {
        return Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty());
    }
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(state) = state {
        return Some(state.join("trailql").join("history"));
    }
    let home = std::env::home_dir()?;
    let state = home.join(".local/state");
    Some(if state.is_dir() { state.join("trailql").join("history") } else { home.join(".trailql_history") })
}
