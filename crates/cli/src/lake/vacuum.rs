//! `trailql lake vacuum`: files that no version within the retention needs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use chrono::TimeDelta;
use indicatif::{HumanBytes, HumanCount};
use trailql_config::parse_span;
use trailql_lake::Lake;
use trailql_upkeep::{DeletionKind, VacuumOptions, VacuumSummary, vacuum};

use super::{instant, print_json};
use crate::error::{CliError, Outcome};
use crate::globals::Globals;

/// Failed deletions that are named one by one.
const FAILURES_SHOWN: usize = 20;

/// Delete files that no version within the retention needs
///
/// These are data files that were merged or expired, files that crashed runs left, old files of the ledger, and the part
/// of the Delta log that is older than 30 days. Versions older than the retention cannot be queried any more. What
/// another process may be about to commit, and files that are not the lake's own, stay.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  trailql lake vacuum --dry-run
  trailql lake vacuum
  trailql lake vacuum --older-than 0d      frees all at once; queries that run now may fail, and time travel ends

Exit codes: 0 done; 1 some files could not be deleted; 2 wrong usage.")]
pub(crate) struct VacuumArgs {
    /// Keep what versions of this time back need, such as 7d or 12h
    #[arg(long, value_name = "SPAN", value_parser = parse_span, default_value = "7d")]
    older_than: TimeDelta,
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub(super) async fn run(args: VacuumArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let options = VacuumOptions { older_than: args.older_than, dry_run: args.dry_run };
    let summary = vacuum(&mut Lake::open(&globals.stores, &globals.lake).await?, &options).await?;
    if globals.json {
        print_json(&summary)?;
    } else if !globals.quiet {
        write_text(&summary, &mut io::stdout().lock())?;
    }
    report_failures(&summary, &mut io::stderr().lock())?;
    Ok(if summary.failed.is_empty() { Outcome::Done } else { Outcome::DoneWithFailures })
}

fn write_text(summary: &VacuumSummary, out: &mut impl Write) -> io::Result<()> {
    let mut kinds: BTreeMap<DeletionKind, (u64, u64)> = BTreeMap::new();
    for deletion in &summary.deleted {
        let (files, bytes) = kinds.entry(deletion.kind).or_default();
        *files += 1;
        *bytes += deletion.bytes;
    }
    let done = if summary.dry_run { "would delete" } else { "deleted" };
    let (files, bytes) = (HumanCount(summary.deleted.len() as u64), HumanBytes(summary.bytes));
    writeln!(out, "{done} {files} files, {bytes}")?;
    for (kind, (files, bytes)) in kinds {
        writeln!(out, "  {:>9} files  {:>10}  {}", HumanCount(files), HumanBytes(bytes).to_string(), describe(kind))?;
    }
    let since = summary.oldest_time.map(|time| format!(", as of {}", instant(time))).unwrap_or_default();
    writeln!(
        out,
        "time travel reaches back to version {}{since}; the lake is at version {}",
        summary.oldest_version, summary.version
    )
}

fn describe(kind: DeletionKind) -> &'static str {
    match kind {
        DeletionKind::Removed => "data that was merged or expired",
        DeletionKind::Orphan => "data that was never committed",
        DeletionKind::Ledger => "old parts of the ledger",
        DeletionKind::Index => "old parts of the index",
        DeletionKind::Log => "old entries of the Delta log",
        DeletionKind::Unfinished => "files that were not written to their end",
    }
}

fn report_failures(summary: &VacuumSummary, out: &mut impl Write) -> io::Result<()> {
    for failed in summary.failed.iter().take(FAILURES_SHOWN) {
        writeln!(out, "trailql: {} could not be deleted: {}", failed.path, failed.reason)?;
    }
    if let Some(more) = summary.failed.len().checked_sub(FAILURES_SHOWN + 1) {
        writeln!(out, "trailql: … and {} more", more + 1)?;
    }
    Ok(())
}
