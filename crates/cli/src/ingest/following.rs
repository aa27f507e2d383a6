//! `--follow`: the lake keeps up with its sources.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{SecondsFormat, Utc};
use indicatif::{HumanCount, HumanDuration};
use serde::Serialize;
use trailql_follow::{FollowError, FollowEvent, FollowOptions, Queue, Stop, UpkeepPolicy, UpkeepReport, follow};
use trailql_ingest::{Summary, Verify};

use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::ingest::IngestArgs;
use crate::interrupt::stop_on_interrupt;

/// Between the starts of two passes.
const INTERVAL: Duration = Duration::from_secs(60);

/// The same where digests are read: they come once an hour, and a pass reads those of all files that wait.
const VERIFYING_INTERVAL: Duration = Duration::from_secs(900);

/// Follows until Ctrl-C or SIGTERM, which is how it ends well.
pub(super) async fn run(
    args: &IngestArgs,
    verify: Option<Arc<Verify>>,
    globals: &Globals,
) -> Result<Outcome, CliError> {
    let options = options(args, verify, globals).await?;
    let stop = Stop::default();
    let interrupt = {
        let stop = stop.clone();
        tokio::spawn(stop_on_interrupt(move || stop.stop(), "finishing the batch in hand", globals.quiet))
    };
    let failed = AtomicBool::new(false);
    let outcome = follow(&globals.stores, &options, &stop, &|event| {
        let is_failure = match &event {
            FollowEvent::Ingested(summary) => !summary.is_clean(),
            FollowEvent::Upkept(_) => false,
            FollowEvent::PutAside { .. } | FollowEvent::Failed { .. } => true,
        };
        failed.fetch_or(is_failure, Ordering::Relaxed);
        // Whoever reads the notes may go away; the lake is kept up all the same.
        let _ = tell(&event, globals);
    })
    .await;
    interrupt.abort();
    outcome?;
    Ok(if failed.load(Ordering::Relaxed) { Outcome::DoneWithFailures } else { Outcome::Done })
}

async fn options(args: &IngestArgs, verify: Option<Arc<Verify>>, globals: &Globals) -> Result<FollowOptions, CliError> {
    let config = &globals.config;
    let usual = if verify.is_some() { VERIFYING_INTERVAL } else { INTERVAL };
    let queue = queue(args, globals).await?;
    if verify.is_some() && queue.is_some() {
        return Err(CliError::usage("--verify cannot prove what a queue announces: digests come an hour later")
            .hint("take sqs out of the source in trailql.toml, and the source is listed"));
    }
    let mut ingests = args.runs(config)?;
    ingests.iter_mut().for_each(|ingest| ingest.verify.clone_from(&verify));
    let interval = args.interval.or_else(|| config.span("follow.interval")).and_then(|span| span.to_std().ok());
    let policy = config.upkeep();
    Ok(FollowOptions {
        lake: globals.lake.clone(),
        ingests,
        interval: interval.unwrap_or(usual).max(Duration::from_secs(1)),
        queue,
        upkeep: UpkeepPolicy {
            retention: policy.retention,
            optimize_every: policy.optimize_every,
            vacuum_after: policy.vacuum_after,
        },
    })
}

/// The queue of the command line, else that of the only source.
async fn queue(args: &IngestArgs, globals: &Globals) -> Result<Option<Queue>, CliError> {
    let config = &globals.config;
    let names = if args.sources.is_empty() {
        config.names("sources")
    } else {
        args.sources.iter().map(String::as_str).collect()
    };
    let configured = names.iter().find_map(|name| config.text(&format!("sources.{name}.sqs")));
    let Some(url) = args.sqs.as_deref().or(configured) else { return Ok(None) };
    if names.len() > 1 {
        return Err(
            CliError::usage("a queue goes with one source").hint("start one trailql for each source with a queue")
        );
    }
    Ok(Some(Queue::new(&globals.stores.sdk_config().await, url)?))
}

/// One line for each event on stderr, or one JSON object a line on stdout.
fn tell(event: &FollowEvent<'_>, globals: &Globals) -> io::Result<()> {
    if globals.json {
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &JsonEvent::from(event)).map_err(io::Error::from)?;
        writeln!(out)?;
        return out.flush();
    }
    let mut err = io::stderr().lock();
    let time = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
    match event {
        FollowEvent::Ingested(summary) => {
            for failed in &summary.failed {
                writeln!(err, "{time}  {} {}", failed.file, failed.reason)?;
            }
            for finding in summary.verified.iter().flat_map(|verified| &verified.findings) {
                writeln!(err, "{time}  {} {}", finding.file, finding.reason)?;
            }
            if globals.quiet { Ok(()) } else { writeln!(err, "{time}  {}", ingested(summary)) }
        }
        FollowEvent::Upkept(report) if !globals.quiet => writeln!(err, "{time}  {}", upkept(report)),
        FollowEvent::Upkept(_) => Ok(()),
        FollowEvent::PutAside { message, reason } => {
            writeln!(err, "{time}  message {message} was put aside in _rejected/queue of the lake: it {reason}")
        }
        FollowEvent::Failed { error, retry_in } => {
            writeln!(err, "{time}  {}; trying again in {}", chain(error), HumanDuration(*retry_in))
        }
    }
}

fn ingested(summary: &Summary) -> String {
    let count = |count: u64| HumanCount(count).to_string();
    let mut line = format!(
        "{} files: {} events = {} kept + {} duplicates + {} filtered + {} rejected",
        count(summary.files.read),
        count(summary.read),
        count(summary.kept),
        count(summary.duplicates),
        count(summary.filtered),
        count(summary.rejected)
    );
    if summary.files.left_out > 0 {
        line.push_str(&format!("; {} files wait for a proof", count(summary.files.left_out)));
    }
    if summary.files.read > 0 {
        let latency = summary.latency;
        line.push_str(&format!("; {:.0} s after delivery, {:.0} s at most", latency.mean, latency.longest));
    }
    line
}

fn upkept(report: &UpkeepReport) -> String {
    let mut parts = Vec::new();
    if let Some(done) = &report.optimize {
        parts.push(format!("merged {} files into {}", done.files_removed, done.files_added));
    }
    if let Some(done) = &report.expire {
        parts.push(format!("let {} events before {} expire", HumanCount(done.events), done.floor));
    }
    if let Some(done) = &report.vacuum {
        parts.push(format!("deleted {} old files", done.deleted.len()));
    }
    parts.join("; ")
}

/// An error with its causes.
fn chain(error: &FollowError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(&format!(": {more}"));
        }
        cause = error.source();
    }
    text
}

/// A [`FollowEvent`] as JSON.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum JsonEvent<'a> {
    Ingested(&'a Summary),
    Upkept(&'a UpkeepReport),
    PutAside { message: &'a str, reason: &'a str },
    Failed { error: String, retry_in_seconds: f64 },
}

impl<'a> From<&'a FollowEvent<'a>> for JsonEvent<'a> {
    fn from(event: &'a FollowEvent<'a>) -> Self {
        match event {
            FollowEvent::Ingested(summary) => Self::Ingested(summary),
            FollowEvent::Upkept(report) => Self::Upkept(report),
            FollowEvent::PutAside { message, reason } => Self::PutAside { message, reason },
            FollowEvent::Failed { error, retry_in } => {
                Self::Failed { error: chain(error), retry_in_seconds: retry_in.as_secs_f64() }
            }
        }
    }
}
