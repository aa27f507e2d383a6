//! `trailql lake optimize`: many small files into few large ones.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use indicatif::{HumanBytes, HumanCount, ProgressBar};
use trailql_config::parse_bytes;
use trailql_lake::Lake;
use trailql_upkeep::{DEFAULT_TARGET_BYTES, OptimizeOptions, OptimizeSummary, Progress, optimize};

use super::print_json;
use crate::bar::Bar;
use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::interrupt::stop_on_interrupt;

/// What the progress bar shows.
const TEMPLATE: &str = "{bar:30} {binary_bytes}/{binary_total_bytes}, {msg}, {eta} left";

/// Merge small files, so that queries open few large ones
///
/// Rows, their order and what queries prune by stay the same. Only partitions with something to gain are rewritten, so
/// that a second run does nothing. May run beside ingests and queries. The merged files stay on disk for time travel
/// until `trailql lake vacuum` deletes them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  trailql lake optimize
  trailql lake optimize --dry-run
  trailql lake optimize --target-size 64MiB --json

Exit codes: 0 done; 1 some files could not be merged, and stay as they are; 2 wrong usage; 130 interrupted.")]
pub(crate) struct OptimizeArgs {
    /// Size of the files to make, such as 64MiB [default: 128MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, default_value_t = DEFAULT_TARGET_BYTES)]
    #[arg(hide_default_value = true)]
    target_size: u64,
    /// Say what would be merged, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub(super) async fn run(args: OptimizeArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let mut lake = Lake::open(&globals.stores, &globals.lake).await?;
    let options = OptimizeOptions { target_bytes: args.target_size, dry_run: args.dry_run };
    let progress = Progress::new();
    let bar = {
        let progress = Arc::clone(&progress);
        Bar::start(TEMPLATE, globals, move |bar| draw(bar, &progress))
    };
    let stop = {
        let progress = Arc::clone(&progress);
        tokio::spawn(stop_on_interrupt(move || progress.stop(), "finishing the files in hand", globals.quiet))
    };
    let outcome = optimize(&mut lake, &options, &progress).await;
    stop.abort();
    bar.finish().await;
    let summary = outcome?;
    if globals.json {
        print_json(&summary)?;
    }
    report(&summary, globals.quiet, &mut io::stderr().lock())?;
    Ok(match summary {
        OptimizeSummary { interrupted: true, .. } => Outcome::Interrupted,
        summary if summary.failed.is_empty() => Outcome::Done,
        _ => Outcome::DoneWithFailures,
    })
}

/// Says what was merged; problems are said even when quiet.
fn report(summary: &OptimizeSummary, quiet: bool, out: &mut impl Write) -> io::Result<()> {
    for failed in &summary.failed {
        writeln!(out, "trailql: {} stays as it is: {}", failed.partition, failed.reason)?;
    }
    if quiet {
        return Ok(());
    }
    let count = |count: u64| HumanCount(count).to_string();
    let OptimizeSummary { partitions, files_removed, files_added, bytes_removed, bytes_added, events, .. } = summary;
    let before = format!("{} files, {}", count(*files_removed), HumanBytes(*bytes_removed));
    match files_removed {
        0 => writeln!(out, "nothing to merge")?,
        _ if summary.dry_run => {
            writeln!(out, "would merge {before} in {} partitions; nothing was written (dry run)", count(*partitions))?;
        }
        _ => {
            writeln!(out, "merged  {before} in {} partitions, {} events", count(*partitions), count(*events))?;
            writeln!(out, "into    {} files, {}", count(*files_added), HumanBytes(*bytes_added))?;
            writeln!(out, "time    {:.1} s", summary.elapsed.as_secs_f64())?;
        }
    }
    if summary.superseded > 0 {
        writeln!(out, "        {} merges were dropped: another writer changed their files", count(summary.superseded))?;
    }
    if summary.interrupted {
        writeln!(out, "stopped before the end; run the same command again to go on")?;
    }
    Ok(())
}

fn draw(bar: &ProgressBar, progress: &Progress) {
    bar.set_length(progress.bytes_total.load(Ordering::Relaxed));
    bar.set_position(progress.bytes.load(Ordering::Relaxed));
    bar.set_message(format!("{} files merged", HumanCount(progress.files.load(Ordering::Relaxed))));
}
