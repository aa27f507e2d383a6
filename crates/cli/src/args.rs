//! What the command line looks like.

use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::assert::AssertArgs;
use crate::config::ConfigCommand;
use crate::demo::DemoArgs;
use crate::error::Outcome;
use crate::ingest::IngestArgs;
use crate::lake::LakeCommand;
use crate::report::ReportCommand;
use crate::schedule::ScheduleCommand;
use crate::sql::SqlArgs;
use crate::stores::S3Args;
use crate::validate::ValidateArgs;

/// Questions to AWS CloudTrail logs, in SQL
///
/// trailql takes CloudTrail log files into a lake (a Delta table of Parquet files on your disk or in a bucket) and answers
/// SQL over the table cloudtrail_logs. Without a command it starts an interactive shell.
#[derive(Debug, Parser)]
#[command(name = "trailql", version, max_term_width = 100, arg_required_else_help = false)]
#[command(after_help = "Examples:
  trailql demo                                 a tour on bundled real events
  trailql ingest ./AWSLogs                     log files into ./trailql-lake
  trailql ingest s3://my-trail --since 7d      the same from a bucket
  trailql sql -c 'SELECT eventname, count(*) FROM cloudtrail_logs GROUP BY 1 ORDER BY 2 DESC LIMIT 10'
  trailql sql --raw ./AWSLogs -c 'SELECT count(*) FROM cloudtrail_raw'
  trailql validate ./AWSLogs --since 30d       that no log file was altered
  trailql                                      the interactive shell

Exit codes: 0 done; 1 something failed or was rejected; 2 wrong usage; 130 interrupted.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Folder or URL of the lake, or its name in trailql.toml [env: TRAILQL_LAKE] [default: ./trailql-lake]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) lake: Option<String>,
    /// Configuration file [default: trailql.toml in this folder or the nearest one above it]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Say nothing but results and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say more; twice for the libraries' notes
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Print the account of a run as JSON on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) s3: S3Args,
    /// Set by the scheduler: leave an account of the run in this file, and end when standard input does
    #[arg(long, global = true, hide = true, value_name = "FILE")]
    pub(crate) scheduled: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(DemoArgs),
    Ingest(IngestArgs),
    Sql(SqlArgs),
    #[command(subcommand)]
    Lake(LakeCommand),
    #[command(subcommand)]
    Report(ReportCommand),
    Assert(AssertArgs),
    #[command(subcommand)]
    Schedule(ScheduleCommand),
    #[command(subcommand)]
    Config(ConfigCommand),
    Validate(ValidateArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Example:
  trailql completions bash > /etc/bash_completion.d/trailql")]
    Completions {
        /// Shell to complete in
        shell: Shell,
    },
}

/// Prints the completion script of `shell` on stdout.
pub(crate) fn print_completions(shell: Shell) -> Outcome {
    clap_complete::generate(shell, &mut Cli::command(), "trailql", &mut std::io::stdout());
    Outcome::Done
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
