//! `trailql assert`: checks that must hold, for CI.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::Utc;
use trailql_export::LocalFile;
use trailql_report::{Baseline, Report, github, junit, sarif, text};

use crate::account::Account;
use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::notify::NotifyArgs;
use crate::report::{MakeArgs, MakeOptions, make};

/// Findings of one assertion that are named and compared with the baseline.
const MAX_FINDINGS: usize = 100_000;

/// Check that assertions hold
///
/// An assertion is a query that must return no rows, or whose single row must satisfy its `expect:` line. Queries of the
/// library count if they have such a line, .sql files that you name always do.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  trailql assert cis --since 1d
  trailql assert ./audit --raw ./AWSLogs --junit junit.xml --sarif findings.sarif
  trailql assert detect --baseline accepted.toml --github

A baseline is a TOML file of [[accept]] entries with query, key, expires and reason.

Exit codes: 0 everything held; 1 everything was checked and something is violated; 2 something could not be checked (a
query failed, a lake is missing, log files were unreadable, or there were no events at all), or all held and somebody
could not be told; 130 interrupted.")]
pub(crate) struct AssertArgs {
    #[command(flatten)]
    make: MakeArgs,

    /// Write the assertions as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Write the findings as SARIF 2.1.0
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,

    /// Write annotations of GitHub Actions on stdout in place of text
    #[arg(long)]
    github: bool,

    /// Findings that are known and accepted
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Let assertions hold where there are no events at all
    #[arg(long)]
    allow_empty: bool,

    #[command(flatten)]
    notify: NotifyArgs,
}

/// Runs the command. Whatever goes wrong, the code is not that of a violation.
pub(crate) async fn run(args: &AssertArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let teller = args.notify.prepare(globals).await.map_err(CliError::unchecked)?;
    let result = tokio::select! {
        result = check(args, globals) => result.map_err(CliError::unchecked),
        _ = tokio::signal::ctrl_c() => return Ok(Outcome::Interrupted),
    };
    // 1 would say that something is violated.
    teller.tell("assert", result, Outcome::NotChecked).await
}

async fn check(args: &AssertArgs, globals: &Globals) -> Result<(Outcome, Account), CliError> {
    if args.make.targets.is_empty() && args.make.tag.is_empty() {
        return Err(CliError::usage("name the assertions: a folder or file of .sql, or a name of the library")
            .hint("`trailql report list` shows the library"));
    }
    let (selection, others) = args.make.select()?.into_assertions();
    if selection.queries.is_empty() {
        return Err(CliError::usage("nothing to assert: none of the queries has an `expect:` line"));
    }
    if !others.is_empty() && !globals.quiet {
        eprintln!("note: these assert nothing and are left out: {}", others.join(", "));
    }
    let baseline = match &args.baseline {
        Some(path) => Baseline::read(path, Utc::now().date_naive())?,
        None => Baseline::default(),
    };
    let options = MakeOptions { row_limit: MAX_FINDINGS, asserting: true, allow_empty: args.allow_empty };
    let mut report = make(&args.make, globals, selection, &baseline, &options).await?;
    let unreadable = !report.warnings.is_empty();
    report.warnings.extend(baseline.expired());
    args.write(&report, globals)?;
    let outcome = if report.has_unchecked() || unreadable {
        Outcome::NotChecked
    } else if report.is_violated() {
        Outcome::DoneWithFailures
    } else {
        Outcome::Done
    };
    Ok((outcome, Account::of_report(&report)))
}

impl AssertArgs {
    fn write(&self, report: &Report, globals: &Globals) -> Result<(), CliError> {
        if let Some(path) = &self.junit {
            write_file(path, |out| junit::write(report, out))?;
        }
        if let Some(path) = &self.sarif {
            write_file(path, |out| Ok(serde_json::to_writer_pretty(out, &sarif::log(report))?))?;
        }
        match self.print(report, globals) {
            // Who has read enough still gets the verdict: the exit code.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        }
    }

    fn print(&self, report: &Report, globals: &Globals) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if globals.json {
            serde_json::to_writer_pretty(&mut out, report)?;
            writeln!(out)?;
        } else if self.github {
            github::write_annotations(report, &mut out)?;
            writeln!(out, "{}", text::summary(report))?;
        } else if !globals.quiet {
            text::write_assertions(report, &mut out)?;
        }
        out.flush()
    }
}

fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), CliError> {
    let failed = |error: io::Error| CliError::failure(format!("writing {}: {error}", path.display()));
    let mut file = LocalFile::create(path).map_err(failed)?;
    write(&mut file).map_err(failed)?;
    file.finish().map_err(failed)
}
