//! The span of time that a report looks at.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::catalog::TableProvider;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{LogicalPlanBuilder, col, lit};
use datafusion::scalar::ScalarValue;
use serde::{Deserialize, Serialize};

/// A span of event times; `None` is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Earliest event, inclusive.
    pub since: Option<DateTime<Utc>>,
    /// Latest event, exclusive.
    pub until: Option<DateTime<Utc>>,
}

impl Window {
    /// Leaves of `events` only those within the window.
    ///
    /// The queries stay as they are: what they call `cloudtrail_logs` is narrowed, so that each of them, and each
    /// subquery, sees the same events.
    pub fn narrow(&self, events: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let micros = |time: DateTime<Utc>| {
            lit(ScalarValue::TimestampMicrosecond(Some(time.timestamp_micros()), Some("UTC".into())))
        };
        let since = self.since.map(|time| col("eventtime").gt_eq(micros(time)));
        let until = self.until.map(|time| col("eventtime").lt(micros(time)));
        let Some(condition) = since.into_iter().chain(until).reduce(datafusion::logical_expr::Expr::and) else {
            return Ok(events);
        };
        let plan = LogicalPlanBuilder::scan("events", provider_as_source(events), None)?.filter(condition)?.build()?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        match (self.since.map(shown), self.until.map(shown)) {
            (None, None) => f.write_str("all events"),
            (Some(since), None) => write!(f, "since {since}"),
            (None, Some(until)) => write!(f, "until {until}"),
            (Some(since), Some(until)) => write!(f, "{since} to {until}"),
        }
    }
}
