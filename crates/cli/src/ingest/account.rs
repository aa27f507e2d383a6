//! The closing account, for people.

use std::io::{self, Write};

use indicatif::{HumanBytes, HumanCount};
use trailql_ingest::{Summary, Verified};

use crate::globals::Globals;

/// Failed files that are named one by one.
const FAILURES_SHOWN: usize = 20;

/// Says on stderr what was read and what became of it; problems are said even when quiet.
pub(super) fn report(summary: &Summary, globals: &Globals) -> io::Result<()> {
    let mut err = io::stderr().lock();
    for failed in summary.failed.iter().take(FAILURES_SHOWN) {
        writeln!(err, "trailql: {} {}", failed.file, failed.reason)?;
    }
    let findings = summary.verified.as_ref().map(|verified| verified.findings.as_slice()).unwrap_or_default();
    for finding in findings.iter().take(FAILURES_SHOWN) {
        writeln!(err, "trailql: {} {}", finding.file, finding.reason)?;
    }
    if let Some(more) = findings.len().checked_sub(FAILURES_SHOWN + 1) {
        writeln!(err, "trailql: … and {} more findings; `trailql validate` names them all", more + 1)?;
    }
    if let Some(more) = summary.failed.len().checked_sub(FAILURES_SHOWN + 1) {
        writeln!(err, "trailql: … and {} more files that could not be read", more + 1)?;
    }
    if let Some(folder) = &summary.rejected_folder {
        writeln!(err, "trailql: what could not be read is kept with its reasons in {folder} of the lake")?;
    }
    if globals.quiet {
        return Ok(());
    }
    write_account(summary, &mut err)
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
