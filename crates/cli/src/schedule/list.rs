//! `trailql schedule list` and `history`.

use std::io::{self, Write};

use chrono::Utc;
use serde_json::json;
use trailql_schedule::{Records, RunRecord};
use trailql_sql::printable;

use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::schedule::executor::word;
use crate::schedule::jobs::ConfiguredJob;

/// Shows each job with its next and last run.
pub(crate) async fn list(jobs: &[ConfiguredJob], records: &Records, globals: &Globals) -> Result<Outcome, CliError> {
    let now = Utc::now();
    let mut shown = Vec::new();
    for ConfiguredJob { job, arguments, .. } in jobs {
        let last = records.runs(&job.name).await?.into_iter().next();
        shown.push((job, arguments, job.next_after(now), last));
    }
    let mut out = io::stdout().lock();
    if globals.json {
        let jobs: Vec<_> = shown
            .iter()
            .map(|(job, run, next, last)| json!({"name": job.name, "run": run, "next": next, "last": last}))
            .collect();
        serde_json::to_writer_pretty(&mut out, &jobs).map_err(io::Error::from)?;
        return Ok(writeln!(out).map(|()| Outcome::Done)?);
    }
    for (job, arguments, next, last) in shown {
        writeln!(out, "{}: trailql {}", job.name, arguments.join(" "))?;
        writeln!(out, "  next  {}", next.map_or_else(|| "never".to_owned(), |next| job.local(next)))?;
        let last =
            last.map_or_else(|| "never".to_owned(), |run| format!("{}, {}", job.local(run.firing), word(run.state)));
        writeln!(out, "  last  {last}")?;
    }
    Ok(Outcome::Done)
}

/// Shows past runs.
pub(crate) async fn history(
    jobs: &[ConfiguredJob],
    name: Option<&str>,
    limit: usize,
    records: &Records,
    globals: &Globals,
) -> Result<Outcome, CliError> {
    let mut runs: Vec<RunRecord> = Vec::new();
    match name {
        // Also of a job that is not configured any more.
        Some(name) => runs.extend(records.runs(name).await?.into_iter().take(limit)),
        None => {
            for job in jobs {
                runs.extend(records.runs(&job.job.name).await?.into_iter().take(limit));
            }
        }
    }
    let mut out = io::stdout().lock();
    if globals.json {
        serde_json::to_writer_pretty(&mut out, &runs).map_err(io::Error::from)?;
        return Ok(writeln!(out).map(|()| Outcome::Done)?);
    }
    for run in runs {
        let seconds = (run.ended - run.started).num_seconds();
        let last_line = run.message.lines().last().unwrap_or_default();
        writeln!(out, "{}  {}  {}  {seconds} s  {}", run.firing, run.job, word(run.state), printable(last_line))?;
    }
    Ok(Outcome::Done)
}
