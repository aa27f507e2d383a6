//! `trailql ingest`: log files into the lake.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use trailql_config::{Config, Source, parse_time};
use trailql_ingest::{DEFAULT_BATCH_BYTES, Filters, IngestOptions, Progress, Summary, ingest};

use crate::error::{CliError, Outcome};
use crate::globals::Globals;

/// Failed files that are named one by one.
const FAILURES_SHOWN: usize = 20;

/// Redraws of the progress bar.
const TICK: Duration = Duration::from_millis(100);

/// Take CloudTrail log files into the lake
///
/// Every event becomes one row, however often it was delivered. What the lake has already is not read again, so the same
/// command can be run as often as you like.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trailql ingest ./AWSLogs
  trailql ingest --since 7d --region us-east-1 ./AWSLogs
  trailql ingest --where \"errorcode IS NOT NULL\" 'logs/2024-*/*.json.gz'

Exit codes: 0 everything was taken; 1 files or records could not be read (the others were taken); 2 wrong usage.")]
pub(crate) struct IngestArgs {
    /// Files, folders or patterns of log files, or names of [sources] in trailql.toml; all of those by default
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Take only events at or after this time (RFC 3339, a day, or 7d, 24h)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<DateTime<Utc>>,
    /// Take only events before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<DateTime<Utc>>,
    /// Take only events of this account; may be repeated
    #[arg(long, value_name = "ID")]
    account: Vec<String>,
    /// Take only events of this region; may be repeated
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// Take only events that meet an SQL condition over the stored columns
    #[arg(long = "where", value_name = "EXPR")]
    condition: Option<String>,
    /// Count what would be taken, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Commit after this many bytes of unpacked JSON; more makes fewer, larger files and takes more memory
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_BATCH_BYTES)]
    batch_bytes: u64,
}

/// Runs the command: one ingest for each source that trailql.toml names, one for all others together.
pub(crate) async fn run(args: IngestArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let mut outcome = Outcome::Done;
    for options in args.runs(&globals.config)? {
        outcome = match run_once(&options, globals).await? {
            Outcome::Interrupted => return Ok(Outcome::Interrupted),
            Outcome::DoneWithFailures => Outcome::DoneWithFailures,
            Outcome::Done | Outcome::NotChecked => outcome,
        };
    }
    Ok(outcome)
}

impl IngestArgs {
    /// What to ingest: sources with a name have filters of their own, over which those of the command line go.
    fn runs(&self, config: &Config) -> Result<Vec<IngestOptions>, CliError> {
        let all: Vec<String> = config.names("sources").into_iter().map(str::to_owned).collect();
        let asked = if self.sources.is_empty() { &all } else { &self.sources };
        if asked.is_empty() {
            return Err(CliError::usage("there is nothing to ingest")
                .hint("name a SOURCE, such as a folder of log files, or put [sources] into trailql.toml"));
        }
        let (mut runs, mut plain) = (Vec::new(), Vec::new());
        for source in asked {
            // A file or folder of that name is what was meant, as everywhere else.
            let named =
                if Path::new(source).exists() && !self.sources.is_empty() { None } else { config.source(source)? };
            match named {
                Some(named) => runs.push(self.options(named)),
                None => plain.push(source.clone()),
            }
        }
        if !plain.is_empty() {
            runs.insert(0, self.options(Source { urls: plain, ..Source::default() }));
        }
        Ok(runs)
    }

    fn options(&self, source: Source) -> IngestOptions {
        let either = |own: &Vec<String>, named: Vec<String>| if own.is_empty() { named } else { own.clone() };
        IngestOptions {
            sources: source.urls,
            filters: Filters {
                since: self.since.or(source.since),
                until: self.until.or(source.until),
                accounts: either(&self.account, source.accounts),
                regions: either(&self.region, source.regions),
                condition: self.condition.clone().or(source.condition),
            },
            dry_run: self.dry_run,
            batch_bytes: self.batch_bytes,
        }
    }
}

async fn run_once(options: &IngestOptions, globals: &Globals) -> Result<Outcome, CliError> {
    let progress = Progress::new();
    let bar = Bar::start(&progress, globals);
    let stop = tokio::spawn(stop_on_interrupt(Arc::clone(&progress), globals.quiet));
    let outcome = ingest(&globals.lake, options, progress).await;
    stop.abort();
    bar.finish().await;
    let summary = outcome?;
    if globals.json {
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &summary).map_err(io::Error::from)?;
        writeln!(out)?;
    }
    report(&summary, globals)?;
    Ok(match summary {
        Summary { interrupted: true, .. } => Outcome::Interrupted,
        summary if summary.is_clean() => Outcome::Done,
        _ => Outcome::DoneWithFailures,
    })
}

/// Says on stderr what was read and what became of it; problems are said even when quiet.
fn report(summary: &Summary, globals: &Globals) -> io::Result<()> {
    let mut err = io::stderr().lock();
    for failed in summary.failed.iter().take(FAILURES_SHOWN) {
        writeln!(err, "trailql: {} {}", failed.file, failed.reason)?;
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
        (files.failed, "failed"),
        (files.ignored, "ignored by name"),
    ];
    for (n, what) in parts.iter().filter(|(n, _)| *n > 0) {
        write!(out, ", {} {what}", count(*n))?;
    }
    writeln!(out)?;
    writeln!(
        out,
        "events  {} read = {} kept + {} duplicates + {} filtered + {} rejected",
        count(summary.read),
        count(summary.kept),
        count(summary.duplicates),
        count(summary.filtered),
        count(summary.rejected)
    )?;
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

/// On the first Ctrl-C or SIGTERM the batch in hand is committed; the second ends the process.
async fn stop_on_interrupt(progress: Arc<Progress>, quiet: bool) {
    wait_for_signal().await;
    progress.stop();
    if !quiet {
        eprintln!("trailql: finishing the batch in hand; once more to quit at once");
    }
    wait_for_signal().await;
    std::process::exit(130);
}

/// Returns at the next Ctrl-C or SIGTERM.
pub(crate) async fn wait_for_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// A progress bar that follows the counters; nothing where stderr is no terminal.
struct Bar {
    bar: ProgressBar,
    task: tokio::task::JoinHandle<()>,
}

impl Bar {
    fn start(progress: &Arc<Progress>, globals: &Globals) -> Self {
        let visible = !globals.quiet && io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template(
            "{bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}, {msg}, {eta} left",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let (drawn, progress) = (bar.clone(), Arc::clone(progress));
        let task = tokio::spawn(async move {
            loop {
                let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
                drawn.set_length(load(&progress.bytes_total));
                drawn.set_position(load(&progress.bytes));
                let (files, total) = (load(&progress.files), load(&progress.files_total));
                let events = load(&progress.events);
                let rate = events as f64 / drawn.elapsed().as_secs_f64().max(0.001);
                drawn.set_message(format!(
                    "{}/{} files, {} events, {} events/s",
                    HumanCount(files),
                    HumanCount(total),
                    HumanCount(events),
                    HumanCount(rate as u64)
                ));
                tokio::time::sleep(TICK).await;
            }
        });
        Self { bar, task }
    }

    async fn finish(self) {
        self.task.abort();
        let _ = self.task.await;
        self.bar.finish_and_clear();
    }
}
