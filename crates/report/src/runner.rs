//! Runs queries over a session and judges what they return.

use std::collections::BTreeMap;
use std::time::Instant;

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use trailql_sql::{Answer, Format, FormatError, FormatOptions, LOGS_TABLE, Session, SqlError, Statement, type_name};

use crate::assertion::{Finding, Verdict};
use crate::baseline::Baseline;
use crate::document::{Column, ReportedQuery};
use crate::error::ReportError;
use crate::header::Expectation;
use crate::query::Query;

/// Column, added to the single row of an assertion, that tells whether its condition is met.
const HELD: &str = "holds";

/// How queries are run.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// Rows of each result that are kept; all are counted and hashed.
    pub row_limit: usize,
    /// What "now" is, for spans such as `7d`.
    pub now: DateTime<Utc>,
    /// Whether verdicts are wanted: assertions over no events are not checked, queries without `expect:` must be empty.
    pub asserting: bool,
    /// Whether an assertion over no events holds.
    pub allow_empty: bool,
}

/// Runs queries one after the other.
pub struct Runner<'a> {
    session: &'a Session,
    baseline: &'a Baseline,
    options: RunnerOptions,
    events: u64,
}

/// Rows of one result.
#[derive(Default)]
struct Rows {
    columns: Vec<Column>,
    kept: Vec<Map<String, Value>>,
    count: u64,
    sha256: String,
}

/// Why rows could not be had.
#[derive(Debug, thiserror::Error)]
enum RowsError {
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error("reading back a row")]
    Row(#[from] serde_json::Error),
}

impl<'a> Runner<'a> {
    /// Prepares to run over `session`, and counts its events.
    pub async fn try_new(
        session: &'a Session,
        baseline: &'a Baseline,
        options: RunnerOptions,
    ) -> Result<Self, ReportError> {
        let events = count_events(session).await?;
        Ok(Self { session, baseline, options, events })
    }

    /// Events that the queries see.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Runs one query; that it failed is part of the result.
    ///
    /// Fails only for wrong parameters, before anything runs.
    pub async fn run(&self, query: &Query, given: &BTreeMap<String, String>) -> Result<ReportedQuery, ReportError> {
        let parameters = query.resolve(given, self.options.now)?;
        for (name, value) in &parameters {
            self.session.set_parameter(name, value);
        }
        let started = Instant::now();
        let (rows, verdict, findings) = match self.rows(query).await {
            Ok(rows) => {
                let (verdict, findings) = self.judge(query, &rows);
                (rows, verdict, findings)
            }
            Err(error) => (Rows::default(), Verdict::Unchecked { reason: chain(&error) }, Vec::new()),
        };
        let header = &query.header;
        Ok(ReportedQuery {
            name: header.name.clone(),
            path: query.path.clone(),
            title: header.title.clone(),
            description: header.description.clone(),
            severity: header.severity,
            tags: header.tags.clone(),
            sql: query.sql.clone(),
            parameters,
            rows: rows.kept.into_iter().map(|row| row.into_iter().map(|(_, value)| value).collect()).collect(),
            columns: rows.columns,
            row_count: rows.count,
            sha256: rows.sha256,
            seconds: started.elapsed().as_secs_f64(),
            verdict,
            findings,
            chart: header.chart.as_ref().map(Into::into),
            proves: header.proves.clone(),
            misses: header.misses.clone(),
            remediation: header.remediation.clone(),
        })
    }

    async fn rows(&self, query: &Query) -> Result<Rows, RowsError> {
        let statement = match &query.header.expect {
            Some(Expectation::Row(condition)) => {
                let sql = &query.sql;
                Statement::new(format!("SELECT result.*, ({condition}) AS \"{HELD}\" FROM (\n{sql}\n) AS result"))
            }
            _ => query.statement(),
        };
        Rows::read(self.session.run(&statement).await?, self.options.row_limit).await
    }

    /// Says whether what the query asserts holds, and which rows speak against it.
    fn judge(&self, query: &Query, rows: &Rows) -> (Verdict, Vec<Finding>) {
        let header = &query.header;
        let expect = match &header.expect {
            Some(expect) => expect,
            None if self.options.asserting => &Expectation::NoRows,
            None => return (Verdict::Reported, Vec::new()),
        };
        let unchecked = |reason: String| (Verdict::Unchecked { reason }, Vec::new());
        if self.events == 0 && !self.options.allow_empty {
            return unchecked(
                "there are no events to check: nothing was recorded, or the time looked at is wrong".into(),
            );
        }
        let against = match expect {
            Expectation::NoRows => &rows.kept[..],
            Expectation::Row(condition) => match (&rows.kept[..], rows.count) {
                ([row], 1) if row.get(HELD) == Some(&Value::Bool(true)) => &[],
                ([row], 1) if row.get(HELD) == Some(&Value::Null) => {
                    return unchecked(format!("'{condition}' is neither true nor false: a value is NULL"));
                }
                ([_], 1) => &rows.kept[..],
                (_, count) => {
                    return unchecked(format!("'{condition}' is about one row, and the query returned {count}"));
                }
            },
        };
        let findings: Vec<_> = against.iter().map(|row| Finding::of(header, row, self.baseline)).collect();
        // Rows beyond the limit were not compared with the baseline: nobody accepted them.
        let is_violated = findings.iter().any(|finding| finding.accepted.is_none())
            || (!findings.is_empty() && rows.count > findings.len() as u64);
        (if is_violated { Verdict::Violated } else { Verdict::Held }, findings)
    }
}

impl Rows {
    /// Reads an answer to its end, keeping up to `limit` rows.
    async fn read(mut answer: Answer, limit: usize) -> Result<Self, RowsError> {
        let schema = answer.schema();
        let columns = columns(&schema);
        let mut digests: Vec<[u8; 32]> = Vec::new();
        let mut rows = Self { columns, ..Self::default() };
        while let Some(batch) = answer.next().await? {
            let mut lines = Vec::new();
            let mut writer = Format::Jsonl.writer(Box::new(&mut lines), answer.schema(), &FormatOptions::default())?;
            writer.write(&batch)?;
            writer.finish()?;
            drop(writer);
            for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                digests.push(Sha256::digest(line).into());
                if rows.kept.len() < limit {
                    rows.kept.push(serde_json::from_slice(line)?);
                }
            }
        }
        rows.count = digests.len() as u64;
        rows.sha256 = combined_hash(&rows.columns, digests);
        Ok(rows)
    }
}

fn columns(schema: &SchemaRef) -> Vec<Column> {
    let column =
        |field: &arrow::datatypes::FieldRef| Column { name: field.name().clone(), kind: type_name(field.data_type()) };
    schema.fields().iter().map(column).collect()
}

/// A hash that does not depend on the order of rows, which SQL leaves open where keys of `ORDER BY` are equal.
fn combined_hash(columns: &[Column], mut digests: Vec<[u8; 32]>) -> String {
    digests.sort_unstable();
    let mut hash = Sha256::new();
    for column in columns {
        hash.update(column.name.as_bytes());
        hash.update([0]);
    }
    digests.iter().for_each(|digest| hash.update(digest));
    hex::encode(hash.finalize())
}

/// Counts the events that queries of `session` see.
pub async fn count_events(session: &Session) -> Result<u64, ReportError> {
    let statement = Statement::new(format!("SELECT count(*) AS events FROM {LOGS_TABLE}"));
    let rows = async { Rows::read(session.run(&statement).await?, 1).await }.await;
    let rows = rows.map_err(|source: RowsError| ReportError::Events { source: source.into() })?;
    Ok(rows.kept.first().and_then(|row| row.get("events")?.as_u64()).unwrap_or_default())
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
