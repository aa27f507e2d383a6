//! Runs a job as a process of its own, and tells people what became of it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::pin::pin;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use tempfile::NamedTempFile;
use trailql_lake::Lake;
use trailql_notify::{Level, Message, Notifier, Outcome, SentLog};
use trailql_schedule::{Executor, Finished, Job, RunRecord, RunState, ScheduleError};

use crate::account::Account;
use crate::error::CliError;
use crate::globals::Globals;
use crate::notify::{notifiers, sent_log, tell};
use crate::schedule::jobs::ConfiguredJob;

/// Characters of a run's output that its record and its message keep, from the end.
const OUTPUT_KEPT: usize = 2000;

/// Runs jobs.
pub(crate) struct Runs {
    jobs: HashMap<String, (ConfiguredJob, Vec<Notifier>)>,
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
            prepared.insert(job.job.name.clone(), (job.clone(), receivers));
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

    /// Runs the process to its end; returns besides what it came to, if it said so.
    async fn process(
        &self,
        configured: &ConfiguredJob,
        firing: DateTime<Utc>,
    ) -> std::io::Result<(Finished, Option<Account>)> {
        let ConfiguredJob { job, arguments, .. } = configured;
        let left = NamedTempFile::new()?;
        let mut command = tokio::process::Command::new(&self.program);
        command.arg("--scheduled").arg(left.path()).arg("--lake").arg(&self.lake);
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
            // Paths of the file are relative to its folder, and so are those of its jobs.
            if let Some(folder) = config.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                command.current_dir(folder);
            }
        }
        command.args(arguments.iter().map(|argument| fill(argument, job, firing)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C at a terminal reaches a whole group; it is for the scheduler, which lets its runs end.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        // Closes when this process ends, however it does; the child ends then as well.
        let _lifeline = child.stdin.take();
        let limit = job.timeout.to_std().unwrap_or_default();
        let group = child.id();
        let mut end = pin!(child.wait_with_output());
        let Ok(output) = tokio::time::timeout(limit, end.as_mut()).await else {
            #[cfg(unix)]
            // While the leader is not waited for, so that its number is nobody else's.
            end_group(group);
            let message = format!("ended after {} s", limit.as_secs());
            return Ok((Finished { state: RunState::TimedOut, message }, None));
        };
        let output = output?;
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        // Findings of a report are what it is for, and no error of the run; those of an assertion have their exit code.
        let state = match output.status.code() {
            Some(0) => RunState::Ok,
            Some(1) => RunState::Problem,
            _ => RunState::Failed,
        };
        Ok((Finished { state, message: end_of(&said).to_owned() }, Account::read(left.path())))
    }
}

impl Runs {
    /// Tells everybody; returns who was not told, which is said on stderr as well.
    async fn tell(&self, receivers: &[Notifier], message: &Message) -> Vec<String> {
        let failures = tell(receivers, message, &self.sent).await;
        for failure in &failures {
            self.untold.store(true, Ordering::Relaxed);
            eprintln!("trailql: {failure}");
        }
        failures
    }
}

/// Ends a process that leads its group, with whatever it has started.
#[cfg(unix)]
fn end_group(leader: Option<u32>) {
    use nix::sys::signal::{Signal, killpg};
    let group = leader.and_then(|id| i32::try_from(id).ok()).map(nix::unistd::Pid::from_raw);
    // An error means that they are gone already.
    let _ = group.map(|group| killpg(group, Signal::SIGKILL));
}

#[async_trait]
impl Executor for Runs {
    async fn run(&self, job: &Job, firing: DateTime<Utc>) -> Finished {
        let Some((configured, receivers)) = self.jobs.get(&job.name) else {
            return Finished { state: RunState::Failed, message: "the job is not configured".to_owned() };
        };
        let (mut finished, account) = match self.process(configured, firing).await {
            Ok(ended) => ended,
            Err(error) => {
                let message = format!("it cannot be started: {error}");
                (Finished { state: RunState::Failed, message }, None)
            }
        };
        for failure in self.tell(receivers, &message(job, &finished, account)).await {
            finished.message.push('\n');
            finished.message.push_str(&failure);
        }
        finished
    }

    async fn lost(&self, job: &Job, record: &RunRecord) {
        let Some((_, receivers)) = self.jobs.get(&job.name) else { return };
        let text = format!("{}: {}", job.local(record.firing), record.message);
        let finished = Finished { state: record.state, message: text };
        self.tell(receivers, &message(job, &finished, None)).await;
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
        RunState::Lost => "lost",
    }
}

/// What is told of a run: what it came to itself, if it could say so.
fn message(job: &Job, finished: &Finished, account: Option<Account>) -> Message {
    let found = account.as_ref().and_then(|account| account.findings);
    let (outcome, level, word) = match (finished.state, found) {
        (RunState::Ok, Some(level)) => (Outcome::Problem, level, word(RunState::Problem)),
        (state @ (RunState::Ok | RunState::Skipped), _) => (Outcome::Ok, Level::Info, word(state)),
        (state @ RunState::Problem, found) => (Outcome::Problem, found.unwrap_or(Level::High), word(state)),
        (state @ (RunState::Failed | RunState::TimedOut | RunState::Lost), _) => {
            (Outcome::Failed, Level::High, word(state))
        }
    };
    let (text, problems) = (finished.message.clone(), finished.message.clone());
    let account = match account {
        Some(account) => Account { subject: format!("{word}, {}", account.subject), ..account },
        None => Account { subject: word.to_owned(), text, problems, ..Account::default() },
    };
    Message {
        job: job.name.clone(),
        outcome,
        level,
        subject: format!("trailql {}: {}", job.name, account.subject),
        key: account.key().to_owned(),
        text: account.text,
        time: Utc::now(),
        details: account.details,
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
