//! The `trailql` binary: questions to AWS CloudTrail logs, in SQL.

mod account;
mod args;
mod assert;
mod bar;
mod config;
mod demo;
mod error;
mod globals;
mod ingest;
mod interrupt;
mod lake;
mod notify;
mod output;
mod public_keys;
mod query_session;
mod quicksight;
mod report;
mod schedule;
mod shell;
mod sql;
mod stores;
mod validate;

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
    if cli.globals.scheduled.is_some() {
        end_with_standard_input();
    }
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = match runtime.enable_all().max_blocking_threads(blocking_threads()).build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("trailql: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(run(cli)) {
        Ok(outcome) => outcome.into(),
        Err(error) => error.report(),
    };
    // The Delta library's threads may still wait for the runtime, and panic if it is taken apart below them.
    std::mem::forget(runtime);
    code
}

/// Ends the process when the scheduler's end of the pipe closes: it was killed, and another may repeat this run.
///
/// Everything that a command writes is whole or not there, whenever it ends.
fn end_with_standard_input() {
    std::thread::spawn(|| {
        // Nothing is ever written into the pipe.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(130);
    });
}

/// Threads for work that blocks: files, unpacking, encoding.
///
/// Every thread keeps some 25 MB of memory that it once needed. By default there are up to 512 of them, and an ingest of
/// many commits got 60 threads and 1.7 GB. An ingest waits with one thread more than there are cores and encodes with
/// as many.
fn blocking_threads() -> usize {
    2 * std::thread::available_parallelism().map_or(2, usize::from) + 6
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
        Some(Command::Validate(args)) => validate::run(args, &globals.resolve()?).await,
        Some(Command::Completions { shell }) => Ok(args::print_completions(shell)),
        None => shell::run(&globals.resolve()?).await,
    }
}

/// The Delta library notes errors that it also returns; once is enough.
const SAID_OTHERWISE: &str = "delta_kernel=off,buoyant_kernel=off,deltalake_core=off";

/// Sends what libraries note to stderr: with `-v` trailql's own notes, with `-vv` those of its libraries too.
///
/// `RUST_LOG` is obeyed where it is set.
fn start_logging(verbose: u8) {
    use tracing_subscriber::EnvFilter;
    let level = match verbose {
        0 => format!("error,{SAID_OTHERWISE}"),
        1 => format!("warn,trailql=info,{SAID_OTHERWISE}"),
        _ => "info,trailql=debug".to_owned(),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
}
