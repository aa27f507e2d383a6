//! What came out of a run: plain data, written as JSON and drawn by the other modules.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::assertion::{Finding, Verdict};
use crate::header::{Chart, ChartKind};
use crate::pack::Pack;
use crate::severity::Severity;
use crate::window::Window;

/// A report: queries, their results, and what they were made from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// Version of the format of this document.
    pub format: u32,
    /// Version of trailql that made it.
    pub trailql: String,
    /// What was asked for.
    pub title: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The events that it was made from.
    pub source: Source,
    /// The span of event times that was looked at.
    pub window: Window,
    /// The standards that were asked for.
    pub packs: Vec<Pack>,
    /// The queries in the order in which they ran.
    pub queries: Vec<ReportedQuery>,
    /// What the reader must know about the whole, such as files that could not be read.
    pub warnings: Vec<String>,
}

/// The events of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The lake, or the log files.
    pub location: String,
    /// Version of the lake; `None` for log files in place.
    pub lake_version: Option<u64>,
    /// Events within the window.
    pub events: u64,
}

/// One query with its result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReportedQuery {
    /// Name of the query.
    pub name: String,
    /// Its file.
    pub path: String,
    /// A few words.
    pub title: String,
    /// What the rows are.
    pub description: String,
    /// How bad a row is.
    pub severity: Severity,
    /// Its labels.
    pub tags: Vec<String>,
    /// The SQL as it ran.
    pub sql: String,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, String>,
    /// The columns of the result.
    pub columns: Vec<Column>,
    /// The rows, up to the report's limit, in the order of the query.
    pub rows: Vec<Vec<Value>>,
    /// Number of all rows.
    pub row_count: u64,
    /// SHA-256 over the columns and all rows, whatever their order.
    pub sha256: String,
    /// Seconds that it took.
    pub seconds: f64,
    /// What became of its assertion.
    pub verdict: Verdict,
    /// What does not hold, where something is asserted; of each, whether it is accepted.
    pub findings: Vec<Finding>,
    /// How to draw the rows.
    pub chart: Option<DrawnChart>,
    /// What the result proves.
    pub proves: Option<String>,
    /// What it cannot prove.
    pub misses: Option<String>,
    /// What to do about a row.
    pub remediation: Option<String>,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Name.
    pub name: String,
    /// SQL type.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A chart as the page's script reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawnChart {
    /// `line` or `bar`.
    pub kind: String,
    /// Column of the horizontal axis.
    pub x: String,
    /// Column of the vertical axis; `None` counts rows by day.
    pub y: Option<String>,
    /// Column that makes several series.
    pub series: Option<String>,
}

impl Report {
    /// Version of the format that this program writes.
    pub const FORMAT: u32 = 1;

    /// Findings that nobody accepted, over all queries.
    pub fn open_findings(&self) -> usize {
        self.queries.iter().map(ReportedQuery::open_findings).sum()
    }

    /// Whether some assertion could not be checked.
    pub fn has_unchecked(&self) -> bool {
        self.queries.iter().any(|query| matches!(query.verdict, Verdict::Unchecked { .. }))
    }

    /// Whether some assertion does not hold.
    pub fn is_violated(&self) -> bool {
        self.queries.iter().any(|query| query.verdict == Verdict::Violated)
    }
}

impl ReportedQuery {
    /// Findings that nobody accepted.
    pub fn open_findings(&self) -> usize {
        self.findings.iter().filter(|finding| finding.accepted.is_none()).count()
    }

    /// Whether the report holds fewer rows than there are.
    pub fn is_cut(&self) -> bool {
        (self.rows.len() as u64) < self.row_count
    }
}

impl From<&Chart> for DrawnChart {
    fn from(chart: &Chart) -> Self {
        let kind = match chart.kind {
            ChartKind::Line => "line",
            ChartKind::Bar => "bar",
        };
        Self { kind: kind.to_owned(), x: chart.x.clone(), y: chart.y.clone(), series: chart.series.clone() }
    }
}
