//! `trailql report`: the query library, run and written down.

mod events;
mod make;
mod run;
mod show;

use std::path::PathBuf;

use clap::Subcommand;
use trailql_report::diff;

use crate::error::{CliError, Outcome};
use crate::globals::Globals;

pub(crate) use make::{MakeArgs, MakeOptions, make};
use run::RunArgs;
pub(crate) use show::{ListArgs, ShowArgs};

/// Run queries of the library as reports
///
/// The library is part of the program: queries to investigate, for compliance, to detect attacks, about usage, and for
/// dashboards, and packs that map the controls of standards to them. Your own .sql files work the same way.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  trailql report list --tag cis
  trailql report show cis_4_03_root_use
  trailql report run cis --since 30d --format html -o cis.html
  trailql report run dashboards --since 1d --format csv -o extracts/
  trailql report diff may.html june.html")]
pub(crate) enum ReportCommand {
    List(ListArgs),
    Show(ShowArgs),
    Run(Box<RunArgs>),
    /// Compare the results of two reports
    ///
    /// Reads what `report run` wrote as html or json. Exit codes: 0 the same; 1 different; 2 not comparable.
    Diff {
        /// The older report
        old: PathBuf,
        /// The newer report
        new: PathBuf,
    },
}

/// Runs the command.
pub(crate) async fn run(command: ReportCommand, globals: &Globals) -> Result<Outcome, CliError> {
    match command {
        ReportCommand::List(args) => show::list(&args, globals),
        ReportCommand::Show(args) => show::show(&args),
        ReportCommand::Run(args) => {
            let result = tokio::select! {
                result = run::run(&args, globals) => result,
                _ = tokio::signal::ctrl_c() => Ok(Outcome::Interrupted),
            };
            globals.stores.settle().await;
            result
        }
        ReportCommand::Diff { old, new } => {
            let diff = diff::compare(&diff::read(&old)?, &diff::read(&new)?);
            diff.write(&mut std::io::stdout().lock())?;
            Ok(if diff.is_empty() { Outcome::Done } else { Outcome::DoneWithFailures })
        }
    }
}
