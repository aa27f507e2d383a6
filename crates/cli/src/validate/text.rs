//! The report for a terminal, in the words of the AWS CLI where it has them.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use trailql_integrity::{Chain, ChainReport, Conclusion, Finding, Report, Severity, display_time};
use trailql_report::text::{counted, findings};

use crate::globals::Globals;

/// Writes the results to `out`, and everything that is not simply valid to `err`.
pub(super) fn write(report: &Report, globals: &Globals, out: &mut impl Write, err: &mut impl Write) -> io::Result<()> {
    for (chain, counts) in &report.chains {
        let findings: Vec<_> = report.findings.iter().filter(|finding| finding.chain == *chain).collect();
        // Of many chains, those that all is well with have no more than their part of the sum.
        if report.chains.len() == 1 || !findings.is_empty() || globals.verbose > 0 {
            write_chain(report, chain, counts, &findings, globals.quiet, out, err)?;
        }
    }
    if report.chains.len() > 1 && !globals.quiet {
        write_total(report, out)?;
    }
    if !globals.quiet {
        writeln!(out, "{}", conclusion(report))?;
    }
    out.flush()
}

fn write_chain(
    report: &Report,
    chain: &Chain,
    counts: &ChainReport,
    findings: &[&Finding],
    quiet: bool,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<()> {
    if !quiet {
        writeln!(out, "{} between {}\n", title(chain), range(report))?;
        out.flush()?;
    }
    for (n, finding) in findings.iter().enumerate() {
        writeln!(err, "{finding}")?;
        if let Some(detail) = finding.verdict.detail() {
            writeln!(err, "    {detail}")?;
        }
        // Once for a row of findings of a kind.
        let consequence = finding.verdict.consequence();
        let next = findings.get(n + 1).map(|next| next.verdict.consequence());
        if next != Some(consequence) {
            writeln!(err, "    {consequence}\n")?;
        }
    }
    if quiet {
        return Ok(());
    }
    write_counts(report, counts, out)
}

fn write_total(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let count = |pick: fn(&Chain) -> &str| {
        report.chains.keys().map(|chain| pick(chain)).collect::<std::collections::BTreeSet<_>>().len()
    };
    let chains = report.chains.keys().filter(|chain| !chain.trail.is_empty()).count();
    let (accounts, regions) = (count(|chain| &chain.account), count(|chain| &chain.region));
    writeln!(out, "All {chains} chains of digests, of {accounts} accounts in {regions} regions\n")?;
    write_counts(report, &report.total(), out)
}

fn write_counts(report: &Report, counts: &ChainReport, out: &mut impl Write) -> io::Result<()> {
    let (since, until) = (since(report.since), display_time(report.until));
    writeln!(out, "Results requested for {since} to {until}")?;
    let lines = counts.ratios();
    match (counts.found_from, counts.found_until) {
        _ if lines.is_empty() => writeln!(out, "No digests found")?,
        (Some(from), Some(until)) => {
            writeln!(out, "Results found for {} to {}:\n", display_time(from), display_time(until))?;
        }
        _ => writeln!(out, "No valid digests found in range\n")?,
    }
    for line in lines {
        writeln!(out, "{line}")?;
    }
    let extras = [
        (counts.missing_spans, "spans of time without the digests that were delivered"),
        (counts.awaiting_digest, "log files that wait for their digest"),
        (counts.proved_before, "log files proved before and unchanged since"),
    ];
    for (count, what) in extras.iter().filter(|(count, _)| *count > 0) {
        writeln!(out, "{count} {what}")?;
    }
    writeln!(out)
}

fn title(chain: &Chain) -> String {
    match chain.trail.as_str() {
        "" => format!("Log files of account {} in {} that no digest mentions", chain.account, chain.region),
        _ => format!("Validating log files for trail {} in {}", chain.trail_arn(), chain.region),
    }
}

fn range(report: &Report) -> String {
    format!("{} and {}", since(report.since), display_time(report.until))
}

pub(super) fn since(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "the first digest".to_owned(), display_time)
}

/// The answer in one sentence.
pub(super) fn conclusion(report: &Report) -> String {
    let count = |severity| report.findings.iter().filter(|finding| finding.verdict.severity() == severity).count();
    match report.conclusion() {
        Conclusion::Valid => "Every log file that was delivered is there and unaltered.".to_owned(),
        Conclusion::Invalid => format!("NOT VALID: {}.", findings(count(Severity::Invalid) as u64)),
        Conclusion::Unchecked => {
            let things = counted(count(Severity::Unchecked) as u64, "thing", "things");
            format!("Nothing invalid was found, and {things} could not be checked.")
        }
    }
}
