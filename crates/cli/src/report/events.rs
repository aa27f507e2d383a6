//! The events that a report is made from: a lake, or log files in place.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use trailql_lake::Lake;
use trailql_report::{Source, Window};
use trailql_sql::{Session, SessionOptions};
use trailql_table::{LakeTable, RawTable, RawWarnings};

use crate::error::CliError;
use crate::globals::Globals;

/// A session whose `cloudtrail_logs` are the events within a window.
pub(crate) struct Events {
    pub(crate) session: Session,
    location: String,
    lake_version: Option<u64>,
    raw_warnings: Option<Arc<RawWarnings>>,
}

impl Events {
    /// Opens the lake, or the log files `raw` if there are any.
    pub(crate) async fn open(globals: &Globals, raw: &[String], window: &Window) -> Result<Self, CliError> {
        let session =
            Session::try_new(&SessionOptions { stores: globals.stores.clone(), ..SessionOptions::default() })?;
        let mut events = Self { session, location: globals.lake.clone(), lake_version: None, raw_warnings: None };
        let table: Arc<dyn TableProvider> = if raw.is_empty() {
            let lake = Lake::open(&globals.stores, &globals.lake).await?;
            events.lake_version = Some(lake.snapshot().version);
            events.session.set_proofs(Some(&lake))?;
            Arc::new(LakeTable::new(&lake))
        } else {
            let table = RawTable::open(&globals.stores, raw).await?;
            events.location = raw.join(", ");
            events.raw_warnings = Some(table.warnings());
            events.session.set_proofs(None)?;
            Arc::new(table)
        };
        let narrowed = window.narrow(table).map_err(CliError::failure)?;
        events.session.set_logs(Arc::clone(&narrowed)).await?;
        if !raw.is_empty() {
            events.session.set_raw(narrowed).await?;
        }
        Ok(events)
    }

    /// What the report says of its source, with the number of events that were counted.
    pub(crate) fn source(&self, events: u64) -> Source {
        Source { location: self.location.clone(), lake_version: self.lake_version, events }
    }

    /// Log files that could not be read, one line each, once.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> =
            self.raw_warnings.iter().flat_map(|warnings| warnings.take()).map(|warning| warning.to_string()).collect();
        // Every query reads the files again.
        warnings.sort();
        warnings.dedup();
        warnings
    }
}
