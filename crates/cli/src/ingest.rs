//! `trailql ingest`: log files into the lake.

mod account;
mod following;
mod history;
mod verify;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, ValueEnum};
use indicatif::{HumanCount, ProgressBar};
use trailql_config::{Config, Source, parse_span, parse_time};
use trailql_ingest::{DEFAULT_BATCH_BYTES, Filters, IngestOptions, Progress, Summary, Verify, ingest};

use crate::account::Account;
use crate::bar::Bar;
use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::ingest::account::{account, report};
use crate::ingest::verify::VerifyArgs;
use crate::interrupt::stop_on_interrupt;
use crate::notify::NotifyArgs;
use crate::public_keys;

/// What the progress bar shows.
const TEMPLATE: &str = "{bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}, {msg}, {eta} left";

/// Take CloudTrail log files into the lake
///
/// Every event becomes one row, however often it was delivered. What the lake has already is not read again, so the same
/// command can be run as often as you like.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trailql ingest ./AWSLogs
  trailql ingest --since 7d --region us-east-1 ./AWSLogs
  trailql ingest --since 7d s3://my-trail/AWSLogs/
  trailql ingest --follow --sqs https://sqs.eu-west-1.amazonaws.com/111122223333/trail s3://my-trail/AWSLogs/
  trailql ingest --verify s3://my-trail
  trailql ingest --from lookup-events --region eu-west-1 --since 7d
  zcat old/*.gz | trailql ingest -
  trailql ingest --where \"errorcode IS NOT NULL\" 'logs/2024-*/*.json.gz'

Exit codes: 0 everything was taken; 1 files or records could not be read (the others were taken); 2 wrong usage.")]
pub(crate) struct IngestArgs {
    /// Files, folders, patterns or s3:// URLs of log files, `-` for standard input, or names of sources in
    /// trailql.toml; all of those by default
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
    /// Keep on ingesting what is delivered, and look after the lake, until stopped
    #[arg(long, conflicts_with = "dry_run")]
    follow: bool,
    /// With --follow: how often to look for new files [default: follow.interval of trailql.toml, 1m]
    #[arg(long, value_name = "SPAN", value_parser = parse_span, requires = "follow")]
    interval: Option<TimeDelta>,
    /// With --follow: take new files from this SQS queue instead of listing the source again and again
    #[arg(long, value_name = "URL", requires = "follow")]
    sqs: Option<String>,
    /// Where the events come from
    #[arg(long, value_enum, default_value_t = From::Files)]
    from: From,
    /// With --from lookup-events: folder for the events as they were fetched
    #[arg(long, value_name = "DIR", default_value = "./trailql-lookup")]
    spool: PathBuf,
    #[command(flatten)]
    verify: VerifyArgs,
    /// Count what would be taken, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Commit after this many bytes of unpacked JSON; more makes fewer, larger files and takes more memory
    #[arg(long, value_name = "BYTES", default_value_t = DEFAULT_BATCH_BYTES)]
    batch_bytes: u64,
    #[command(flatten)]
    notify: NotifyArgs,
}

/// Where events come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// Log files
    Files,
    /// The event history of the last 90 days, through CloudTrail's API: for accounts without a trail
    LookupEvents,
}

/// Runs the command, and keeps the public keys that it was given on the way.
pub(crate) async fn run(args: IngestArgs, globals: &Globals) -> Result<Outcome, CliError> {
    args.refuse_what_cannot_be_verified()?;
    let verify = args.verify.resolve(&globals.stores)?;
    let outcome = run_and_tell(&args, verify.clone(), globals).await;
    if let Some(verify) = &verify {
        public_keys::save(&verify.keys);
    }
    outcome
}

async fn run_and_tell(args: &IngestArgs, verify: Option<Arc<Verify>>, globals: &Globals) -> Result<Outcome, CliError> {
    if args.follow {
        if !args.notify.notify.is_empty() {
            return Err(CliError::usage("--notify tells of a run that ends, and --follow does not")
                .hint("leave --notify out; `journalctl` or whatever starts the process sees when it fails"));
        }
        return following::run(args, verify, globals).await;
    }
    let teller = args.notify.prepare(globals).await?;
    teller.tell("ingest", run_all(args, verify, globals).await, Outcome::DoneWithFailures).await
}

/// One ingest for each source that trailql.toml names, one for all others together.
async fn run_all(
    args: &IngestArgs,
    verify: Option<Arc<Verify>>,
    globals: &Globals,
) -> Result<(Outcome, Account), CliError> {
    let runs = if args.from == From::LookupEvents {
        let folder = history::fetch_history(args, globals).await?;
        vec![args.options(Source { urls: vec![folder], ..Source::default() })]
    } else {
        args.runs(&globals.config)?
    };
    let (mut outcome, mut summaries) = (Outcome::Done, Vec::new());
    for options in runs {
        let options = IngestOptions { verify: verify.clone(), ..options };
        let (ended, summary) = run_once(&options, globals).await?;
        summaries.push(summary);
        match ended {
            Outcome::Done => {}
            Outcome::DoneWithFailures => outcome = Outcome::DoneWithFailures,
            other => {
                outcome = other;
                break;
            }
        }
    }
    Ok((outcome, account(&summaries)?))
}

impl IngestArgs {
    fn refuse_what_cannot_be_verified(&self) -> Result<(), CliError> {
        let refuse = |what: &str, hint: &str| Err(CliError::usage(format!("--verify cannot prove {what}")).hint(hint));
        match self {
            Self { verify, .. } if !verify.verify => Ok(()),
            Self { from: From::LookupEvents, .. } => {
                refuse("the event history", "CloudTrail makes digests of the log files of a trail only")
            }
            Self { sources, .. } if sources.iter().any(|source| source == "-") => {
                refuse("standard input", "name the bucket, or the folder that is a copy of one")
            }
            Self { sqs: Some(_), .. } => refuse(
                "what a queue announces",
                "digests come an hour later; leave --sqs out, and the source is listed",
            ),
            _ => Ok(()),
        }
    }

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
            filters: Filters {
                since: self.since.or(source.since),
                until: self.until.or(source.until),
                accounts: either(&self.account, source.accounts),
                regions: either(&self.region, source.regions),
                condition: self.condition.clone().or(source.condition),
            },
            dry_run: self.dry_run,
            batch_bytes: self.batch_bytes,
            ..IngestOptions::new(source.urls)
        }
    }
}

async fn run_once(options: &IngestOptions, globals: &Globals) -> Result<(Outcome, Summary), CliError> {
    let progress = Progress::new();
    let bar = {
        let progress = Arc::clone(&progress);
        Bar::start(TEMPLATE, globals, move |bar| draw(bar, &progress))
    };
    let stop = {
        let progress = Arc::clone(&progress);
        tokio::spawn(stop_on_interrupt(move || progress.stop(), "finishing the batch in hand", globals.quiet))
    };
    let outcome = ingest(&globals.stores, &globals.lake, options, progress).await;
    stop.abort();
    bar.finish().await;
    let summary = outcome?;
    if globals.json {
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &summary).map_err(io::Error::from)?;
        writeln!(out)?;
    }
    report(&summary, globals)?;
    let outcome = match &summary {
        Summary { interrupted: true, .. } => Outcome::Interrupted,
        summary if summary.is_clean() => Outcome::Done,
        _ => Outcome::DoneWithFailures,
    };
    Ok((outcome, summary))
}

fn draw(bar: &ProgressBar, progress: &Progress) {
    let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let events = load(&progress.events);
    let rate = events as f64 / bar.elapsed().as_secs_f64().max(0.001);
    bar.set_length(load(&progress.bytes_total));
    bar.set_position(load(&progress.bytes));
    bar.set_message(format!(
        "{}/{} files, {} events, {} events/s",
        HumanCount(load(&progress.files)),
        HumanCount(load(&progress.files_total)),
        HumanCount(events),
        HumanCount(rate as u64)
    ));
}
