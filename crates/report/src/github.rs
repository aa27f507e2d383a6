//! Assertions as annotations of a GitHub Actions run.
//!
//! Format: GitHub documentation, "Workflow commands for GitHub Actions".

use std::io::{self, Write};

use crate::assertion::Verdict;
use crate::document::{Report, ReportedQuery};
use crate::severity::Severity;
use crate::text;

/// Writes one command for each assertion that does not hold or could not be checked, and one for accepted findings.
pub fn write_annotations(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for query in &report.queries {
        let accepted = query.findings.len() - query.open_findings();
        match &query.verdict {
            Verdict::Violated => {
                let level = if query.severity >= Severity::High { "error" } else { "warning" };
                let first = query.findings.iter().find(|finding| finding.accepted.is_none());
                let example = first.map(|finding| format!(", such as {}", finding.summary())).unwrap_or_default();
                command(level, query, &format!("{}{example}", text::counted(query.row_count, "row", "rows")), out)?;
            }
            Verdict::Unchecked { reason } => command("error", query, &format!("not checked: {reason}"), out)?,
            Verdict::Held | Verdict::Reported => {}
        }
        if accepted > 0 {
            command("notice", query, &format!("{} accepted by the baseline", text::findings(accepted as u64)), out)?;
        }
    }
    report.warnings.iter().try_for_each(|warning| writeln!(out, "::warning::{}", data(warning)))
}

fn command(level: &str, query: &ReportedQuery, message: &str, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("{}: {}", query.name, query.title);
    writeln!(out, "::{level} file={},line=1,title={}::{}", property(&query.path), property(&title), data(message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_data_cannot_end_a_command() {
        assert_eq!(data("a\n::error::b%"), "a%0A::error::b%25");
        assert_eq!(property("a,title=b::c"), "a%2Ctitle=b%3A%3Ac");
    }
}
