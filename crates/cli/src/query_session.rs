//! Opens what `trailql sql` and the shell ask: a lake, log files in place, or both.

use std::sync::Arc;

use tokio::sync::Mutex;
use trailql_lake::{Lake, LakeError};
use trailql_repl::{RefreshFn, WarningsFn};
use trailql_sql::{LOGS_TABLE, Session, SessionOptions};
use trailql_store::Stores;
use trailql_table::{LakeTable, RawTable, RawWarnings};

use crate::error::CliError;

/// A session over a lake that may grow while it is open.
pub(crate) struct QuerySession {
    pub(crate) session: Arc<Session>,
    lake: Option<Arc<Mutex<Lake>>>,
    raw_warnings: Option<Arc<RawWarnings>>,
}

impl QuerySession {
    /// Opens the lake at `location` as `cloudtrail_logs` and `raw` as `cloudtrail_raw`.
    ///
    /// A missing lake is an error only if there is nothing else to ask.
    pub(crate) async fn open(stores: &Stores, location: &str, raw: &[String]) -> Result<Self, CliError> {
        let session =
            Arc::new(Session::try_new(&SessionOptions { stores: stores.clone(), ..SessionOptions::default() })?);
        let lake = match Lake::open(stores, location).await {
            Ok(lake) => {
                session.set_logs(Arc::new(LakeTable::new(&lake))).await?;
                Some(Arc::new(Mutex::new(lake)))
            }
            Err(LakeError::NotFound { .. }) if !raw.is_empty() => None,
            Err(error) => return Err(error.into()),
        };
        let mut raw_warnings = None;
        if !raw.is_empty() {
            let table = RawTable::open(stores, raw).await?;
            raw_warnings = Some(table.warnings());
            session.set_raw(Arc::new(table)).await?;
        }
        Ok(Self { session, lake, raw_warnings })
    }

    /// Returns what brings the session up to the lake's newest commit.
    pub(crate) fn refresher(&self) -> Option<RefreshFn> {
        let lake = Arc::clone(self.lake.as_ref()?);
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
        format!("{LOGS_TABLE}: {events} events in {} files at {}", snapshot.files.len(), place(lake.url()))
    }
}

async fn refresh(lake: &Mutex<Lake>, session: &Session) -> Result<(), String> {
    let mut lake = lake.lock().await;
    let version = lake.snapshot().version;
    lake.refresh().await.map_err(|error| error.to_string())?;
    if lake.snapshot().version != version {
        session.set_logs(Arc::new(LakeTable::new(&lake))).await.map_err(|error| error.to_string())?;
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
