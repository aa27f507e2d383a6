//! `trailql schedule`: runs the jobs of trailql.toml at their times.

mod executor;
mod jobs;
mod list;

use std::sync::Arc;

use chrono::{SubsecRound, Utc};
use clap::Subcommand;
use object_store::path::Path;
use tokio::sync::watch;
use trailql_lake::Lake;
use trailql_schedule::{Records, RunState, Scheduler, SystemClock};

use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::schedule::executor::Runs;
use crate::schedule::jobs::jobs;

/// Where a lake keeps the records of runs.
const RUNS: &str = "_schedule/runs";

/// Run jobs at their times
///
/// Jobs are the schedule tables of trailql.toml: a cron expression, what to run, and whom to tell. The records of
/// runs are kept in the lake, so that several daemons do each run once.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example of trailql.toml:
  [[schedule]]
  name = \"cis-monthly\"
  cron = \"0 6 1 * *\"
  time_zone = \"Europe/Berlin\"
  run = [\"report\", \"run\", \"cis\", \"--since\", \"31d\", \"--format\", \"html\", \"-o\", \"reports/cis-{date}.html\"]
  missed = \"run-last\"
  notify = [\"ops\"]

  [[notify]]
  name = \"ops\"
  kind = \"slack\"
  url_env = \"SLACK_WEBHOOK\"")]
pub(crate) enum ScheduleCommand {
    /// Run jobs until stopped; or one job now, for cron, timers and other schedulers
    ///
    /// The first SIGTERM or Ctrl-C lets running jobs end, the second ends them.
    Run {
        /// Run this job now, once, and end with its exit code
        #[arg(long, value_name = "NAME")]
        once: Option<String>,
    },
    /// List the jobs with their next and last runs
    List,
    /// List past runs, newest first
    History {
        /// Name of a job; all jobs by default
        name: Option<String>,
        /// Runs of each job
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
}

/// Runs the command.
pub(crate) async fn run(command: ScheduleCommand, globals: &Globals) -> Result<Outcome, CliError> {
    let lake = Lake::open_or_create(&globals.stores, &globals.lake).await?;
    let owner = format!("{} at {}", std::process::id(), Utc::now().to_rfc3339());
    let records = Records::new(lake.store(), Path::from(RUNS), owner);
    let jobs = jobs(&globals.config)?;
    match command {
        ScheduleCommand::List => list::list(&jobs, &records, globals).await,
        ScheduleCommand::History { name, limit } => {
            list::history(&jobs, name.as_deref(), limit, &records, globals).await
        }
        ScheduleCommand::Run { once } => {
            let runs = Arc::new(Runs::new(&jobs, &lake, globals).await?);
            let scheduled = jobs.into_iter().map(|job| job.job).collect::<Vec<_>>();
            match once {
                Some(name) => run_once(&name, &scheduled, records, runs).await,
                None => serve(scheduled, records, runs, globals).await,
            }
        }
    }
}

/// Runs one job now.
async fn run_once(
    name: &str,
    jobs: &[trailql_schedule::Job],
    records: Records,
    runs: Arc<Runs>,
) -> Result<Outcome, CliError> {
    let Some(job) = jobs.iter().find(|job| job.name == name) else {
        return Err(CliError::usage(format!("trailql.toml has no [[schedule]] named '{name}'"))
            .hint("`trailql schedule list` shows the jobs"));
    };
    let firing = Utc::now().trunc_subsecs(0);
    let scheduler = Scheduler::new(Vec::new(), Arc::new(SystemClock), records, Arc::clone(&runs));
    let Some(record) = scheduler.run_once(job, firing).await? else {
        return Err(CliError::failure(format!("{name} was not run: an earlier run of it is not over")));
    };
    Ok(match record.state {
        _ if runs.has_untold() => Outcome::DoneWithFailures,
        RunState::Ok => Outcome::Done,
        RunState::Problem => Outcome::DoneWithFailures,
        RunState::Failed | RunState::TimedOut | RunState::Skipped | RunState::Lost => Outcome::NotChecked,
    })
}

/// Runs all jobs until a signal comes.
async fn serve(
    jobs: Vec<trailql_schedule::Job>,
    records: Records,
    runs: Arc<Runs>,
    globals: &Globals,
) -> Result<Outcome, CliError> {
    if jobs.is_empty() {
        return Err(CliError::usage("there is nothing to run: trailql.toml has no [[schedule]]"));
    }
    if !globals.quiet {
        eprintln!("{} jobs; Ctrl-C or SIGTERM ends", jobs.len());
    }
    let (stop, stopped) = watch::channel(false);
    let quiet = globals.quiet;
    let signals = tokio::spawn(async move {
        crate::interrupt::wait_for_signal().await;
        if !quiet {
            eprintln!("trailql: letting running jobs end; once more to end them");
        }
        stop.send_replace(true);
        crate::interrupt::wait_for_signal().await;
    });
    let scheduler = Scheduler::new(jobs, Arc::new(SystemClock), records, runs);
    tokio::select! {
        () = scheduler.run(stopped) => Ok(Outcome::Done),
        // Dropping the runs ends their processes.
        _ = signals => Ok(Outcome::Interrupted),
    }
}
