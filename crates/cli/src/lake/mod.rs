//! `trailql lake`: what a lake holds, and what keeps it small and fast.

mod expire;
mod history;
mod info;
mod optimize;
mod text_table;
mod total;
mod vacuum;

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use trailql_lake::Lake;

use self::expire::ExpireArgs;
use self::history::HistoryArgs;
use self::info::InfoArgs;
use self::optimize::OptimizeArgs;
use self::vacuum::VacuumArgs;
use crate::error::{CliError, Outcome};
use crate::globals::Globals;

/// Look into a lake, and keep it small and fast
#[derive(Debug, clap::Subcommand)]
pub(crate) enum LakeCommand {
    Info(InfoArgs),
    History(HistoryArgs),
    Optimize(OptimizeArgs),
    Expire(ExpireArgs),
    Vacuum(VacuumArgs),
}

/// Runs the command.
pub(crate) async fn run(command: LakeCommand, globals: &Globals) -> Result<Outcome, CliError> {
    match command {
        LakeCommand::Info(args) => info::run(args, globals).await,
        LakeCommand::History(args) => history::run(args, globals).await,
        LakeCommand::Optimize(args) => optimize::run(args, globals).await,
        LakeCommand::Expire(args) => expire::run(args, globals).await,
        LakeCommand::Vacuum(args) => vacuum::run(args, globals).await,
    }
}

/// The lake's folder where it is local, else its URL.
fn location(lake: &Lake) -> String {
    match lake.url().to_file_path() {
        Ok(path) => path.display().to_string().trim_end_matches('/').to_owned(),
        Err(()) => lake.url().to_string(),
    }
}

/// Prints a summary on stdout, for programs.
fn print_json(summary: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, summary).map_err(io::Error::from)?;
    writeln!(out)
}

fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
