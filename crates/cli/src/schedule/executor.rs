//! Runs a job as a process of its own, and tells people what became of it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use trailql_lake::Lake;
use trailql_notify::{Level, Message, Notifier, Outcome, SentLog};
use trailql_schedule::{Executor, Finished, Job, RunRecord, RunState, ScheduleError};

use crate::error::CliError;
use crate::globals::Globals;
use crate::notify::{notifiers, sent_log, tell};
use crate::schedule::jobs::ConfiguredJob;

/// Characters of a run's output that its record and its message keep, from the end.
const OUTPUT_KEPT: usize = 2000;

/// Runs jobs.
pub(crate) struct Runs {
    jobs: HashMap<String, (Vec<String>, Vec<Notifier>)>,
    sent: SentLog,
    program: PathBuf,
    lake: String,
    config: Option<PathBuf>,
    quiet: bool,
    untold: AtomicBool,
}

impl Runs {
    /// Prepares to run these jobs on `lake`; whom to tell is checked now, not when there is something to tell.
    pub(crate) async fn new(jobs: &[ConfiguredJob], lake: &Lake, globals: &Globals) -> Result<Self, CliError> {
        let mut prepared = HashMap::new();
        for job in jobs {
            let receivers = notifiers(globals, &job.notify).await?;
            prepared.insert(job.job.name.clone(), (job.arguments.clone(), receivers));
        }
        Ok(Self {
            jobs: prepared,
            sent: sent_log(lake),
            program: std::env::current_exe()?,
            lake: globals.lake.clone(),
            config: globals.config.file().map(PathBuf::from),
            quiet: globals.quiet,
            untold: AtomicBool::new(false),
        })
    }

    /// Whether some notification was not sent.
    pub(crate) fn has_untold(&self) -> bool {
        self.untold.load(Ordering::Relaxed)
    }

    async fn process(&self, job: &Job, arguments: &[String], firing: DateTime<Utc>) -> std::io::Result<Finished> {
        let mut command = tokio::process::Command::new(&self.program);
        command.arg("--lake").arg(&self.lake);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
            // Paths of the file are relative to its folder, and so are those of its jobs.
            if let Some(folder) = config.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                command.current_dir(folder);
            }
        }
        command.args(arguments.iter().map(|argument| fill(argument, job, firing)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = command.spawn()?.wait_with_output();
        let limit = job.timeout.to_std().unwrap_or_default();
        let Ok(output) = tokio::time::timeout(limit, output).await else {
            return Ok(Finished { state: RunState::TimedOut, message: format!("ended after {} s", limit.as_secs()) });
        };
        let output = output?;
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        let state = match output.status.code() {
            Some(0) => RunState::Ok,
            Some(1) => RunState::Problem,
            _ => RunState::Failed,
        };
        Ok(Finished { state, message: end_of(&said).to_owned() })
    }
}

#[async_trait]
impl Executor for Runs {
    async fn run(&self, job: &Job, firing: DateTime<Utc>) -> Finished {
        let Some((arguments, receivers)) = self.jobs.get(&job.name) else {
            return Finished { state: RunState::Failed, message: "the job is not configured".to_owned() };
        };
        let mut finished = match self.process(job, arguments, firing).await {
            Ok(finished) => finished,
            Err(error) => Finished { state: RunState::Failed, message: format!("it cannot be started: {error}") },
        };
        for failure in tell(receivers, &message(job, &finished), &self.sent).await {
            self.untold.store(true, Ordering::Relaxed);
            eprintln!("trailql: {failure}");
            finished.message.push('\n');
            finished.message.push_str(&failure);
        }
        finished
    }

    async fn ended(&self, job: &Job, record: Result<RunRecord, ScheduleError>) {
        match record {
            Ok(_) if self.quiet => {}
            Ok(record) => eprintln!("{} {}: {}", job.local(record.firing), job.name, word(record.state)),
            Err(error) => eprintln!("trailql: {}: {error}", job.name),
        }
    }
}

/// One word for people.
pub(crate) fn word(state: RunState) -> &'static str {
    match state {
        RunState::Ok => "ok",
        RunState::Problem => "problem",
        RunState::Failed => "failed",
        RunState::TimedOut => "timed out",
        RunState::Skipped => "skipped",
    }
}

fn message(job: &Job, finished: &Finished) -> Message {
    let (outcome, level) = match finished.state {
        RunState::Ok | RunState::Skipped => (Outcome::Ok, Level::Info),
        RunState::Problem => (Outcome::Problem, Level::High),
        RunState::Failed | RunState::TimedOut => (Outcome::Failed, Level::High),
    };
    Message {
        job: job.name.clone(),
        outcome,
        level,
        subject: format!("trailql {}: {}", job.name, word(finished.state)),
        text: finished.message.clone(),
        time: Utc::now(),
        details: Value::Null,
    }
}

/// Puts the day of the firing and the day before it, in the job's zone, into an argument.
fn fill(argument: &str, job: &Job, firing: DateTime<Utc>) -> String {
    let day = |time: DateTime<Utc>| job.local(time).chars().take(10).collect::<String>();
    argument.replace("{date}", &day(firing)).replace("{day_before}", &day(firing - TimeDelta::days(1)))
}

fn end_of(text: &str) -> &str {
    let text = text.trim_end();
    let start = text.len().saturating_sub(OUTPUT_KEPT);
    let start = (start..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[start..]
}
