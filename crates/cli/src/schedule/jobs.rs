//! The `[[schedule]]` tables of trailql.toml.

use chrono::TimeDelta;
use trailql_config::Config;
use trailql_schedule::{Job, Missed};

use crate::error::CliError;

/// Time that a run may take where the configuration says nothing else.
const TIMEOUT: TimeDelta = TimeDelta::hours(1);

/// A job with what it runs.
#[derive(Debug, Clone)]
pub(crate) struct ConfiguredJob {
    pub(crate) job: Job,
    /// Arguments of trailql, with placeholders.
    pub(crate) arguments: Vec<String>,
    /// Names of receivers.
    pub(crate) notify: Vec<String>,
}

/// Reads and checks every job.
pub(crate) fn jobs(config: &Config) -> Result<Vec<ConfiguredJob>, CliError> {
    config.names("schedule").into_iter().map(|name| job(config, name)).collect()
}

fn job(config: &Config, name: &str) -> Result<ConfiguredJob, CliError> {
    let path = |key: &str| format!("schedule.{name}.{key}");
    let missing = |key: &str| CliError::usage(format!("trailql.toml: {} is missing", path(key)));
    let cron = config.text(&path("cron")).ok_or_else(|| missing("cron"))?;
    let zone = config.text(&path("time_zone")).unwrap_or("UTC");
    let missed = match config.text(&path("missed")) {
        None | Some("skip") => Missed::Skip,
        Some("run-last") => Missed::RunLast,
        Some(other) => {
            return Err(CliError::usage(format!(
                "trailql.toml: {} = '{other}'; give skip or run-last",
                path("missed")
            )));
        }
    };
    let arguments = config.list(&path("run")).to_vec();
    match arguments.first().map(String::as_str) {
        None => return Err(missing("run")),
        Some("schedule") => {
            return Err(CliError::usage(format!("trailql.toml: {}: a job cannot run jobs", path("run"))));
        }
        Some(_) => {}
    }
    let timeout = config.span(&path("timeout")).filter(|span| *span > TimeDelta::zero()).unwrap_or(TIMEOUT);
    let job = Job::try_new(name, cron, zone, missed, timeout)?;
    Ok(ConfiguredJob { job, arguments, notify: config.list(&path("notify")).to_vec() })
}
