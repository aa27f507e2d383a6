//! Assertions and reports as text for people.

use std::io::{self, Write};

use trailql_sql::printable;

use crate::assertion::Verdict;
use crate::document::{Report, ReportedQuery};

/// Findings of one assertion that are named one by one.
const FINDINGS_SHOWN: usize = 10;

/// Writes what became of every assertion, and a summary.
pub fn write_assertions(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} events, {}, from {}\n", report.source.events, report.window, report.source.location)?;
    for query in &report.queries {
        write_assertion(query, out)?;
    }
    for warning in &report.warnings {
        writeln!(out, "warning: {}", printable(warning))?;
    }
    writeln!(out, "\n{}", summary(report))
}

/// One line on how many assertions held, and how many not.
pub fn summary(report: &Report) -> String {
    let count = |wanted: fn(&Verdict) -> bool| report.queries.iter().filter(|query| wanted(&query.verdict)).count();
    let held = count(|verdict| *verdict == Verdict::Held);
    let violated = count(|verdict| *verdict == Verdict::Violated);
    let unchecked = count(|verdict| matches!(verdict, Verdict::Unchecked { .. }));
    let accepted: usize = report.queries.iter().map(|query| query.findings.len() - query.open_findings()).sum();
    let mut text = format!("{held} held, {violated} violated, {unchecked} not checked");
    if accepted > 0 {
        text.push_str(&format!("; {} accepted by the baseline", findings(accepted as u64)));
    }
    text
}

/// A number of things in words: `1 query`, `2 queries`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A number of findings in words.
pub fn findings(count: u64) -> String {
    counted(count, "finding", "findings")
}

fn write_assertion(query: &ReportedQuery, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:<11}  {:<8}  {}  {}", query.verdict.word(), query.severity, query.name, printable(&query.title))?;
    if let Verdict::Unchecked { reason } = &query.verdict {
        // An error shows the place in the query, on lines of its own.
        for line in reason.lines() {
            writeln!(out, "             {}", printable(line))?;
        }
    }
    for finding in query.findings.iter().take(FINDINGS_SHOWN) {
        let summary = finding.summary();
        match &finding.accepted {
            None => writeln!(out, "             {}", printable(&summary))?,
            Some(acceptance) => writeln!(
                out,
                "             {}  (accepted until {}: {})",
                printable(&summary),
                acceptance.expires,
                printable(&acceptance.reason)
            )?,
        }
    }
    let shown = query.findings.len().min(FINDINGS_SHOWN) as u64;
    let total = if query.findings.is_empty() { 0 } else { query.row_count };
    if total > shown {
        writeln!(out, "             … and {} more", total - shown)?;
    }
    if let (Verdict::Violated, Some(remediation)) = (&query.verdict, &query.remediation) {
        writeln!(out, "             to do: {remediation}")?;
    }
    Ok(())
}
