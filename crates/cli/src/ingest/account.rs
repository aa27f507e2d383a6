//! The closing account, for people.

use std::io::{self, Write};

use indicatif::{HumanBytes, HumanCount};
use serde_json::json;
use trailql_ingest::{FailedFile, Summary, Verified};

use crate::account::Account;
use crate::globals::Globals;

/// Failed files that are named one by one.
const FAILURES_SHOWN: usize = 20;

/// Says on stderr what was read and what became of it; problems are said even when quiet.
pub(super) fn report(summary: &Summary, globals: &Globals) -> io::Result<()> {
    let mut err = io::stderr().lock();
    for problem in problems(summary) {
        writeln!(err, "trailql: {problem}")?;
    }
    if globals.quiet {
        return Ok(());
    }
    write_account(summary, &mut err)
}

/// What all runs of one command came to.
pub(super) fn account(summaries: &[Summary]) -> io::Result<Account> {
    let sum = |count: fn(&Summary) -> u64| summaries.iter().map(count).sum::<u64>();
    let (kept, rejected) = (sum(|summary| summary.kept), sum(|summary| summary.rejected));
    let failed: usize = summaries.iter().map(|summary| summary.failed.len()).sum();
    let unproved: usize = summaries.iter().map(|summary| findings(summary).len()).sum();
    let mut subject = format!("{kept} events kept, {rejected} rejected, {failed} files not read");
    if unproved > 0 {
        subject.push_str(&format!(", {unproved} findings about proofs"));
    }
    let problems = summaries.iter().flat_map(problems).collect::<Vec<_>>().join("\n");
    let mut text = problems.clone().into_bytes();
    for summary in summaries {
        writeln!(text)?;
        write_account(summary, &mut text)?;
    }
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    let details = json!({
        "kept": kept,
        "duplicates": sum(|summary| summary.duplicates),
        "filtered": sum(|summary| summary.filtered),
        "rejected": rejected,
        "files_read": sum(|summary| summary.files.read),
        "files_failed": failed,
        "findings": unproved,
    });
    Ok(Account { subject, text, problems, findings: None, details })
}

fn findings(summary: &Summary) -> &[FailedFile] {
    summary.verified.as_ref().map(|verified| verified.findings.as_slice()).unwrap_or_default()
}

/// What went wrong, a line each.
fn problems(summary: &Summary) -> Vec<String> {
    let named = |file: &str, reason: &str| format!("{file} {reason}");
    let (failed, findings) = (&summary.failed, findings(summary));
    let mut lines: Vec<String> =
        failed.iter().take(FAILURES_SHOWN).map(|failed| named(&failed.file, &failed.reason)).collect();
    if let Some(more) = failed.len().checked_sub(FAILURES_SHOWN + 1) {
        lines.push(format!("… and {} more files that could not be read", more + 1));
    }
    lines.extend(findings.iter().take(FAILURES_SHOWN).map(|finding| named(&finding.file, &finding.reason)));
    if let Some(more) = findings.len().checked_sub(FAILURES_SHOWN + 1) {
        lines.push(format!("… and {} more findings; `trailql validate` names them all", more + 1));
    }
    if let Some(folder) = &summary.rejected_folder {
        lines.push(format!("what could not be read is kept with its reasons in {folder} of the lake"));
    }
    lines
}

fn write_account(summary: &Summary, out: &mut impl Write) -> io::Result<()> {
    let files = &summary.files;
    let count = |count: u64| HumanCount(count).to_string();
    write!(out, "files   {} found", count(files.found))?;
    let parts = [
        (files.read, "read"),
        (files.known, "in the lake already"),
        (files.digests, "digests"),
        (files.out_of_range, "out of range"),
        (files.left_out, "left out"),
        (files.failed, "failed"),
        (files.ignored, "ignored by name"),
    ];
    for (n, what) in parts.iter().filter(|(n, _)| *n > 0) {
        write!(out, ", {} {what}", count(*n))?;
    }
    writeln!(out)?;
    if let Some(verified) = &summary.verified {
        writeln!(out, "proofs  {}", proofs(verified))?;
    }
    writeln!(
        out,
        "events  {} read = {} kept + {} duplicates + {} filtered + {} rejected",
        count(summary.read),
        count(summary.kept),
        count(summary.duplicates),
        count(summary.filtered),
        count(summary.rejected)
    )?;
    if summary.expired > 0 {
        writeln!(out, "        {} of the filtered are older than what the lake keeps", count(summary.expired))?;
    }
    if summary.conflicts > 0 {
        writeln!(out, "        {} of the rejected have the ID of another event of the lake", count(summary.conflicts))?;
    }
    if summary.untimed > 0 {
        writeln!(out, "        {} of the kept have no readable time", count(summary.untimed))?;
    }
    let seconds = summary.elapsed.as_secs_f64().max(0.001);
    write!(out, "time    {seconds:.1} s, {}/s", HumanBytes((summary.bytes_read as f64 / seconds) as u64))?;
    writeln!(out, ", {} events/s", count((summary.read as f64 / seconds) as u64))?;
    match summary.version {
        _ if summary.dry_run => writeln!(out, "lake    nothing was written (dry run)"),
        Some(version) => writeln!(
            out,
            "lake    {} at version {version}, {} written",
            summary.lake,
            HumanBytes(summary.bytes_written)
        ),
        None => Ok(()),
    }?;
    if summary.interrupted {
        writeln!(out, "stopped before the end; run the same command again to go on")?;
    }
    Ok(())
}

/// What digests said about the files that are not in the lake yet.
fn proofs(verified: &Verified) -> String {
    let parts = [
        (verified.proved, "files proved"),
        (verified.awaiting_digest, "waiting for their digest"),
        (verified.not_mentioned, "not mentioned by any digest"),
        (verified.not_checked, "not checked"),
    ];
    let said: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", HumanCount(*n))).collect();
    if said.is_empty() { "nothing to prove".to_owned() } else { said.join(", ") }
}
