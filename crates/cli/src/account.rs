//! What a run came to, for those who are told of it: people by `--notify`, and the scheduler.

use std::path::Path;

use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trailql_notify::{Level, Message, Outcome as Told};
use trailql_report::{Report, Severity, Verdict, text};

use crate::error::{CliError, Outcome};

/// Lines of what is wrong that are told.
const LINES_TOLD: usize = 30;

/// What a run came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    /// One line.
    pub(crate) subject: String,
    /// A few lines.
    pub(crate) text: String,
    /// What is wrong, in words that are the same in every run that finds the same; empty if nothing is.
    pub(crate) problems: String,
    /// How bad the worst finding is; `None` if nothing was found.
    pub(crate) findings: Option<Level>,
    /// The counts.
    pub(crate) details: Value,
}

impl Account {
    /// Of a report or of assertions: what is open, worst first.
    pub(crate) fn of_report(report: &Report) -> Self {
        let mut open: Vec<_> = report.queries.iter().filter(|query| query.verdict == Verdict::Violated).collect();
        open.sort_by_key(|query| std::cmp::Reverse(query.severity));
        let mut lines: Vec<String> = open
            .iter()
            .map(|query| {
                let found = text::findings(query.open_findings() as u64);
                format!("{}  {}: {found}  {}", query.severity, query.name, query.title)
            })
            .collect();
        for query in &report.queries {
            if let Verdict::Unchecked { reason } = &query.verdict {
                lines.push(format!("not checked  {}: {reason}", query.name));
            }
        }
        lines.extend(report.warnings.iter().cloned());
        let problems = lines.join("\n");
        if let Some(more) = lines.len().checked_sub(LINES_TOLD + 1) {
            lines.truncate(LINES_TOLD);
            lines.push(format!("… and {} more", more + 1));
        }
        let findings: Vec<Value> = open
            .iter()
            .map(|query| json!({"query": query.name, "severity": query.severity, "findings": query.open_findings()}))
            .collect();
        Self {
            subject: format!("{}: {}", report.title, text::summary(report)),
            text: format!("{} events, {}\n{}", report.source.events, report.window, lines.join("\n")),
            problems,
            findings: open.first().map(|query| level(query.severity)),
            details: json!({"events": report.source.events, "queries": report.queries.len(), "violated": findings}),
        }
    }

    /// The message that tells of it.
    pub(crate) fn message(&self, job: &str, outcome: Outcome) -> Message {
        let (told, level) = match (outcome, self.findings) {
            (Outcome::Done, None) => (Told::Ok, Level::Info),
            (Outcome::Done | Outcome::DoneWithFailures, Some(level)) => (Told::Problem, level),
            (Outcome::DoneWithFailures, None) => (Told::Problem, Level::High),
            (Outcome::NotChecked | Outcome::Interrupted, level) => (Told::Failed, level.unwrap_or(Level::High)),
        };
        Message {
            job: job.to_owned(),
            outcome: told,
            level,
            subject: format!("trailql {job}: {}", self.subject),
            text: self.text.clone(),
            key: self.key().to_owned(),
            time: Utc::now(),
            details: self.details.clone(),
        }
    }

    /// What makes a message about it the same as another.
    pub(crate) fn key(&self) -> &str {
        if self.problems.is_empty() { &self.subject } else { &self.problems }
    }

    /// Leaves it for the scheduler.
    pub(crate) fn write(&self, path: &Path) -> Result<(), CliError> {
        let content = serde_json::to_vec(self).map_err(std::io::Error::from)?;
        std::fs::write(path, content).map_err(|error| CliError::failure(format!("writing {}: {error}", path.display())))
    }

    /// Reads what a run left; `None` if it left nothing.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }
}

fn level(severity: Severity) -> Level {
    match severity {
        Severity::Info => Level::Info,
        Severity::Low => Level::Low,
        Severity::Medium => Level::Medium,
        Severity::High => Level::High,
        Severity::Critical => Level::Critical,
    }
}
