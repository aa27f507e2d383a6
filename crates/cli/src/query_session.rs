//! Opens what `trailql sql` and the shell ask: a lake, log files in place, or both.

use std::sync::Arc;

use tokio::sync::Mutex;
use trailql_lake::{AsOf, Lake, LakeError};
use trailql_repl::{RefreshFn, WarningsFn};
use trailql_sql::{LOGS_TABLE, Session, SessionOptions};
use trailql_table::{RawTable, RawWarnings};

use crate::error::CliError;
use crate::globals::Globals;

/// A session over a lake that may grow while it is open.
pub(crate) struct QuerySession {
    pub(crate) session: Arc<Session>,
    lake: Option<Arc<Mutex<Lake>>>,
    /// The lake stays at the version that was asked for.
    is_pinned: bool,
    raw_warnings: Option<Arc<RawWarnings>>,
}

impl QuerySession {
    /// Opens the lake, as it was at a point of its history if one is given, as `cloudtrail_logs`, and `raw` as
    /// `cloudtrail_raw`.
    ///
    /// A missing lake is an error only if there is nothing else to ask.
    pub(crate) async fn open(globals: &Globals, as_of: Option<AsOf>, raw: &[String]) -> Result<Self, CliError> {
        let session = Arc::new(Session::try_new(&session_options(globals))?);
        let lake = match Lake::open(&globals.stores, &globals.lake).await {
            Ok(lake) => {
                let lake = match as_of {
                    Some(as_of) => lake.at(as_of).await?,
                    None => lake,
                };
                session.set_lake(&lake).await?;
                Some(Arc::new(Mutex::new(lake)))
            }
            Err(LakeError::NotFound { .. }) if !raw.is_empty() && as_of.is_none() => None,
            Err(error) => return Err(error.into()),
        };
        let mut raw_warnings = None;
        if !raw.is_empty() {
            let table = RawTable::open(&globals.stores, raw).await?;
            raw_warnings = Some(table.warnings());
            session.set_raw(Arc::new(table)).await?;
        }
        Ok(Self { session, lake, is_pinned: as_of.is_some(), raw_warnings })
    }

    /// Returns what brings the session up to the lake's newest commit.
    pub(crate) fn refresher(&self) -> Option<RefreshFn> {
        let lake = Arc::clone(self.lake.as_ref().filter(|_| !self.is_pinned)?);
        let session = Arc::clone(&self.session);
        Some(Box::new(move || {
            let (lake, session) = (Arc::clone(&lake), Arc::clone(&session));
            Box::pin(async move { refresh(&lake, &session).await })
        }))
    }

    /// Returns what tells of the log files that statements could not read since it was last called.
    pub(crate) fn warnings(&self) -> Option<WarningsFn> {
        let warnings = Arc::clone(self.raw_warnings.as_ref()?);
        Some(Box::new(move || warnings.take().iter().map(ToString::to_string).collect()))
    }

    /// Describes in one line what is open.
    pub(crate) async fn summary(&self) -> String {
        let Some(lake) = &self.lake else { return "no lake; cloudtrail_raw reads the log files in place".to_owned() };
        let lake = lake.lock().await;
        let snapshot = lake.snapshot();
        let events: u64 = snapshot.files.iter().filter_map(|file| file.row_count).sum();
        let version = if self.is_pinned { format!(", as of version {}", snapshot.version) } else { String::new() };
        format!("{LOGS_TABLE}: {events} events in {} files at {}{version}", snapshot.files.len(), place(lake.url()))
    }
}

fn session_options(globals: &Globals) -> SessionOptions {
    let memory_limit_bytes = globals.config.bytes("sql.memory").and_then(|bytes| usize::try_from(bytes).ok());
    SessionOptions { memory_limit_bytes, stores: globals.stores.clone(), ..SessionOptions::default() }
}

async fn refresh(lake: &Mutex<Lake>, session: &Session) -> Result<(), String> {
    let mut lake = lake.lock().await;
    let version = lake.snapshot().version;
    lake.refresh().await.map_err(|error| error.to_string())?;
    if lake.snapshot().version != version {
        session.set_lake(&lake).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Spells a local lake as a path.
fn place(url: &url::Url) -> String {
    match url.to_file_path() {
        Ok(path) => path.display().to_string(),
        Err(()) => url.to_string(),
    }
}
