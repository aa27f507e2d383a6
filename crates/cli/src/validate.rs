//! `trailql validate`: proves by CloudTrail's digests that log files are complete and unaltered.

mod html;
mod json;
mod junit;
mod record;
mod text;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, SubsecRound, Utc};
use clap::Args;
use indicatif::{HumanBytes, HumanCount, ProgressBar};
use trailql_config::parse_time;
use trailql_export::LocalFile;
use trailql_ingest::open_delivery;
use trailql_integrity::{
    Conclusion, Filters, Finding, IntegrityError, Progress, ProvedLogs, Report, Severity, Source, ValidateOptions,
    validate,
};

use crate::bar::Bar;
use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::public_keys;
use crate::validate::record::Recorder;

/// What the progress bar shows.
const TEMPLATE: &str = "{bar:30} {msg}, {elapsed}";

/// Prove that log files are complete and unaltered
///
/// Checks CloudTrail's signed digests, their chains, and every log file that they mention, of all accounts, regions and
/// trails in a bucket or a copy of one; and names log files that no digest mentions. Says what `aws cloudtrail
/// validate-logs` says, and more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  trailql validate s3://my-trail --since 30d
  trailql validate ./my-trail-bucket --since 30d
  trailql --lake ./trailql-lake validate s3://my-trail --since 30d --record
  trailql validate ./my-trail-bucket --public-keys keys.json --export-evidence ./evidence
  trailql validate ./evidence --public-keys keys.json --offline --html report.html

Public keys: aws cloudtrail list-public-keys --start-time … --end-time … --region … > keys.json
Signatures of a copy: aws s3api head-object --bucket B --key DIGEST > DIGEST.metadata.json, beside each digest; without
them, a digest is proved by the copy of its signature in the digest behind it, and the newest one is not.

Exit codes: 0 all valid; 1 something is invalid or missing; 2 something could not be checked, or wrong usage.")]
pub(crate) struct ValidateArgs {
    /// Bucket (s3://BUCKET[/PREFIX]), folder that is a copy of one or of a part of it, or exported evidence
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Log files delivered at or after this time (RFC 3339, a day, or 7d, 24h) [default: from the first digest on]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    since: Option<DateTime<Utc>>,
    /// Log files delivered before this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    until: Option<DateTime<Utc>>,
    /// Only this account; may be repeated
    #[arg(long, value_name = "ID")]
    account: Vec<String>,
    /// Only this region; may be repeated
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// Only the trail of this name; may be repeated
    #[arg(long, value_name = "NAME")]
    trail: Vec<String>,
    /// Output of `aws cloudtrail list-public-keys`, of one or many regions; may be repeated
    #[arg(long, value_name = "FILE")]
    public_keys: Vec<PathBuf>,
    /// Ask CloudTrail for no keys; those that an earlier run was given are enough
    #[arg(long)]
    offline: bool,
    /// Bucket, and prefix in it, that the folder is a copy of [default: what its digests say]
    #[arg(long, value_name = "BUCKET[/PREFIX]")]
    copy_of: Option<String>,
    /// Copy all that a later proof needs to a new folder: log files, digests, signatures, keys
    #[arg(long, value_name = "DIR")]
    export_evidence: Option<PathBuf>,
    /// Remember in this file what was proved, and read it again only if it was written since
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Keep what was found in the lake, as the tables cloudtrail_integrity and cloudtrail_digests
    #[arg(long)]
    record: bool,
    /// Write the findings for a CI server
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a report for people
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Runs the command.
pub(crate) async fn run(args: ValidateArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let source = open_delivery(&globals.stores, &args.source, args.copy_of.as_deref()).await;
    let source = Arc::new(source.map_err(|error| CliError::from(error).unchecked())?);
    let keys = public_keys::ring(&args.public_keys, args.offline, &globals.stores)?;
    let mut recorder = match args.record {
        true => Some(Recorder::open(globals, Arc::clone(&source)).await?),
        false => None,
    };
    let options = args.options(&source)?;
    let proved = options.proved.clone();
    let progress = Arc::new(Progress::default());
    let bar = {
        let progress = Arc::clone(&progress);
        Bar::start(TEMPLATE, globals, move |bar| draw(bar, &progress))
    };
    let list_valid = globals.verbose > 0 && !globals.json;
    let observe = |finding: &Finding| {
        if list_valid && finding.verdict.severity() == Severity::Valid {
            // A closed pipe shows when the results are written.
            bar.suspend(|| drop(writeln!(io::stdout(), "{finding}")));
        }
        if let Some(recorder) = &mut recorder {
            recorder.note(finding);
        }
    };
    let work = validate(Arc::clone(&source), options, Arc::clone(&keys), progress, observe);
    let outcome = tokio::select! {
        outcome = work => Some(outcome),
        _ = tokio::signal::ctrl_c() => None,
    };
    bar.finish().await;
    let Some(report) = outcome else {
        proved.map_or(Ok(()), |proved| proved.save())?;
        return Ok(Outcome::Interrupted);
    };
    let report = report?;
    public_keys::save(&keys);
    if let Some(recorder) = recorder {
        recorder.write().await?;
    }
    args.write(&report, &source, globals)?;
    Ok(match report.conclusion() {
        Conclusion::Valid => Outcome::Done,
        Conclusion::Invalid => Outcome::DoneWithFailures,
        Conclusion::Unchecked => Outcome::NotChecked,
    })
}

impl ValidateArgs {
    /// What is asked for; exported evidence knows its own range.
    fn options(&self, source: &Source) -> Result<ValidateOptions, CliError> {
        let manifest = source.manifest();
        let filters = Filters {
            since: self.since.or_else(|| manifest.and_then(|manifest| manifest.since)),
            until: self
                .until
                .or_else(|| manifest.map(|manifest| manifest.until))
                .unwrap_or_else(Utc::now)
                .trunc_subsecs(0),
            accounts: self.account.clone(),
            regions: self.region.clone(),
            trails: self.trail.clone(),
        };
        if filters.since.is_some_and(|since| since > filters.until) {
            return Err(CliError::usage("the range of time ends before it begins"));
        }
        let proved = match &self.state {
            Some(file) => Some(Arc::new(ProvedLogs::open(file, &state_secret()?)?)),
            None => None,
        };
        Ok(ValidateOptions { filters, proved, export: self.export_evidence.clone() })
    }

    fn write(&self, report: &Report, source: &Source, globals: &Globals) -> Result<(), CliError> {
        if let Some(file) = &self.junit {
            write_file(file, |out| junit::write(report, out))?;
        }
        if let Some(file) = &self.html {
            write_file(file, |out| html::write(report, &self.source, out))?;
        }
        if globals.json {
            json::write(report, &self.source, &mut io::stdout().lock())?;
        } else {
            text::write(report, globals, &mut io::stdout().lock(), &mut io::stderr().lock())?;
        }
        if let Some(folder) = self.export_evidence.as_ref().filter(|_| !globals.quiet) {
            eprintln!("evidence of {} is in {}", source_names(source), folder.display());
        }
        Ok(())
    }
}

fn source_names(source: &Source) -> String {
    source.bucket_names().into_iter().collect::<Vec<_>>().join(", ")
}

fn write_file(path: &Path, write: impl FnOnce(&mut LocalFile) -> io::Result<()>) -> Result<(), CliError> {
    let mut file = LocalFile::create(path)?;
    write(&mut file)?;
    Ok(file.finish()?)
}

/// The secret that keeps others from writing a state; on its own, since the state may lie where others write.
fn state_secret() -> Result<PathBuf, CliError> {
    public_keys::data_folder().map(|folder| folder.join("state.secret")).ok_or_else(|| {
        CliError::usage("no place for the secret that protects the state").hint("set HOME or XDG_DATA_HOME")
    })
}

impl From<IntegrityError> for CliError {
    fn from(error: IntegrityError) -> Self {
        // Nothing was checked, whatever the reason.
        Self::usage(error)
    }
}

fn draw(bar: &ProgressBar, progress: &Progress) {
    let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    bar.set_length(load(&progress.digests_total));
    bar.set_position(load(&progress.digests));
    bar.set_message(format!(
        "{}/{} digests, {} log files, {}",
        HumanCount(load(&progress.digests)),
        HumanCount(load(&progress.digests_total)),
        HumanCount(load(&progress.logs)),
        HumanBytes(load(&progress.bytes)),
    ));
}
