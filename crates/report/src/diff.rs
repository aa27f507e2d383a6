//! What changed between two reports.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::Path;

use serde_json::Value;
use trailql_sql::printable;

use crate::document::{Report, ReportedQuery};
use crate::error::ReportError;
use crate::html::DOCUMENT_ID;

/// Rows of one query that are shown.
const ROWS_SHOWN: usize = 20;

/// Two reports side by side.
#[derive(Debug)]
pub struct Diff {
    /// Queries whose results are the same.
    pub same: Vec<String>,
    /// Queries whose results differ.
    pub changed: Vec<ChangedQuery>,
    /// Queries that only the new report has.
    pub added: Vec<String>,
    /// Queries that only the old report has.
    pub removed: Vec<String>,
}

/// One query whose result differs.
#[derive(Debug)]
pub struct ChangedQuery {
    /// Name of the query.
    pub name: String,
    /// Rows then and now.
    pub counts: (u64, u64),
    /// Whether the SQL or its parameters differ too.
    pub is_other_query: bool,
    /// Rows that only the new report has.
    pub added: Vec<String>,
    /// Rows that only the old report has.
    pub removed: Vec<String>,
    /// Whether one of the reports does not hold all rows, so that rows may be missing above.
    pub is_cut: bool,
}

/// Reads a report that was written as JSON or as HTML.
pub fn read(path: &Path) -> Result<Report, ReportError> {
    let text = std::fs::read_to_string(path).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    let failed = |message: String| ReportError::File { file: path.display().to_string(), message };
    let json = match text.trim_start().starts_with('<') {
        true => embedded(&text).ok_or_else(|| failed("this page holds no report of trailql".to_owned()))?,
        false => &text,
    };
    let report: Report = serde_json::from_str(json).map_err(|error| failed(format!("not a report: {error}")))?;
    if report.format != Report::FORMAT {
        return Err(failed(format!("format {} is not known; this program reads {}", report.format, Report::FORMAT)));
    }
    Ok(report)
}

/// The document inside a page.
fn embedded(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once(&format!("id=\"{DOCUMENT_ID}\">"))?;
    rest.split_once("</script>").map(|(json, _)| json)
}

/// Compares the results of two reports, query by query.
pub fn compare(old: &Report, new: &Report) -> Diff {
    let by_name = |report: &'_ Report| -> BTreeMap<String, ReportedQuery> {
        report.queries.iter().map(|query| (query.name.clone(), query.clone())).collect()
    };
    let (old, new) = (by_name(old), by_name(new));
    let only = |a: &BTreeMap<String, ReportedQuery>, b: &BTreeMap<String, ReportedQuery>| {
        a.keys().filter(|name| !b.contains_key(*name)).cloned().collect()
    };
    let mut diff = Diff { same: Vec::new(), changed: Vec::new(), added: only(&new, &old), removed: only(&old, &new) };
    for (name, before) in &old {
        match new.get(name) {
            Some(after) if after.sha256 == before.sha256 => diff.same.push(name.clone()),
            Some(after) => diff.changed.push(changed(before, after)),
            None => {}
        }
    }
    diff
}

fn changed(old: &ReportedQuery, new: &ReportedQuery) -> ChangedQuery {
    ChangedQuery {
        name: old.name.clone(),
        counts: (old.row_count, new.row_count),
        is_other_query: old.sql != new.sql || old.parameters != new.parameters,
        added: beyond(&new.rows, &old.rows),
        removed: beyond(&old.rows, &new.rows),
        is_cut: old.is_cut() || new.is_cut(),
    }
}

/// Rows of `rows` that `others` has not, or not as often.
fn beyond(rows: &[Vec<Value>], others: &[Vec<Value>]) -> Vec<String> {
    let text = |row: &Vec<Value>| Value::from(row.clone()).to_string();
    let mut left: HashMap<String, usize> = HashMap::new();
    for row in others {
        *left.entry(text(row)).or_default() += 1;
    }
    let mut beyond = Vec::new();
    for row in rows.iter().map(text) {
        match left.get_mut(&row) {
            Some(count) if *count > 0 => *count -= 1,
            _ => beyond.push(row),
        }
    }
    beyond
}

impl Diff {
    /// Whether every result is the same in both reports.
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.added.is_empty() && self.removed.is_empty()
    }

    /// Writes the differences for people.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for query in &self.changed {
            writeln!(out, "{}: {} rows, then {}", query.name, query.counts.0, query.counts.1)?;
            if query.is_other_query {
                writeln!(out, "  the query or its parameters differ as well")?;
            }
            for (sign, rows) in [('-', &query.removed), ('+', &query.added)] {
                for row in rows.iter().take(ROWS_SHOWN) {
                    writeln!(out, "  {sign} {}", printable(row))?;
                }
                if rows.len() > ROWS_SHOWN {
                    writeln!(out, "  {sign} … {} more", rows.len() - ROWS_SHOWN)?;
                }
            }
            if query.is_cut {
                writeln!(out, "  a report does not hold all of its rows; there may be more differences")?;
            }
        }
        self.added.iter().try_for_each(|name| writeln!(out, "{name}: only in the new report"))?;
        self.removed.iter().try_for_each(|name| writeln!(out, "{name}: only in the old report"))?;
        writeln!(
            out,
            "{} the same, {} different",
            self.same.len(),
            self.changed.len() + self.added.len() + self.removed.len()
        )
    }
}
