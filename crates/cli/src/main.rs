//! The `trailql` binary: questions to AWS CloudTrail logs, in SQL.

mod args;
mod assert;
mod config;
mod demo;
mod error;
mod globals;
mod ingest;
mod lake;
mod notify;
mod query_session;
mod report;
mod result_file;
mod schedule;
mod shell;
mod sql;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

use crate::args::{Cli, Command};
use crate::error::{CliError, Outcome};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_logging(cli.globals.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("trailql: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(cli)) {
        Ok(outcome) => outcome.into(),
        Err(error) => error.report(),
    }
}

async fn run(cli: Cli) -> Result<Outcome, CliError> {
    let globals = cli.globals;
    match cli.command {
        Some(Command::Demo(args)) => demo::run(args).await,
        Some(Command::Ingest(args)) => ingest::run(args, &globals.resolve()?).await,
        Some(Command::Lake(command)) => lake::run(command, &globals.resolve()?).await,
        Some(Command::Sql(args)) => sql::run(args, &globals.resolve()?).await,
        Some(Command::Report(command)) => report::run(command, &globals.resolve()?).await,
        Some(Command::Assert(args)) => assert::run(&args, &globals.resolve().map_err(CliError::unchecked)?).await,
        Some(Command::Schedule(command)) => schedule::run(command, &globals.resolve()?).await,
        Some(Command::Config(command)) => config::run(&command, &globals.resolve()?),
        Some(Command::Completions { shell }) => Ok(args::print_completions(shell)),
        None => shell::run(&globals.resolve()?).await,
    }
}

/// Sends what libraries note to stderr: with `-v` trailql's own notes, with `-vv` those of its libraries too.
///
/// `RUST_LOG` is obeyed where it is set.
fn start_logging(verbose: u8) {
    use tracing_subscriber::EnvFilter;
    let level = match verbose {
        0 => "error",
        1 => "warn,trailql=info",
        _ => "info,trailql=debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}
