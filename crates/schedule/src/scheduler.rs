//! Waits for the times of jobs and has them run.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::ScheduleError;
use crate::job::{Job, Missed};
use crate::records::{Claimed, Records, RunRecord, RunState};

/// Does the work of a job.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Runs `job` for a firing, and ends it by itself when the job's timeout is over.
    async fn run(&self, job: &Job, firing: DateTime<Utc>) -> Finished;

    /// Is told of every run that ended, and of what went wrong with the records.
    async fn ended(&self, job: &Job, record: Result<RunRecord, ScheduleError>);
}

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How it ended.
    pub state: RunState,
    /// The last lines of what it said.
    pub message: String,
}

/// Runs jobs at their times.
pub struct Scheduler<C, E> {
    jobs: Vec<Job>,
    clock: Arc<C>,
    records: Records,
    executor: Arc<E>,
}

impl<C: Clock, E: Executor> Scheduler<C, E> {
    /// A scheduler of these jobs.
    pub fn new(jobs: Vec<Job>, clock: Arc<C>, records: Records, executor: Arc<E>) -> Self {
        Self { jobs, clock, records, executor }
    }

    /// Runs jobs until `stop` says `true`; runs that have begun are waited for.
    ///
    /// A job never overlaps itself: firings that come while it runs are missed.
    pub async fn run(&self, stop: watch::Receiver<bool>) {
        join_all(self.jobs.iter().map(|job| self.serve(job, stop.clone()))).await;
    }

    async fn serve(&self, job: &Job, mut stop: watch::Receiver<bool>) {
        let mut seen = self.clock.now();
        if job.missed == Missed::RunLast
            && let Some(firing) = job.last_at(seen)
        {
            self.fire(job, firing).await;
        }
        while !*stop.borrow() {
            let now = self.clock.now();
            let missed = job.last_at(now).filter(|last| *last > seen && job.missed == Missed::RunLast);
            let Some(firing) = missed.or_else(|| job.next_after(now.max(seen))) else { return };
            tokio::select! {
                biased;
                changed = stop.wait_for(|stop| *stop) => {
                    // A sender that is gone can never ask to stop, and nobody would be there to.
                    drop(changed);
                    return;
                }
                () = self.clock.sleep_until(firing) => {}
            }
            seen = firing;
            // A machine that slept over a later firing has missed this one.
            if job.last_at(self.clock.now()).is_none_or(|last| last <= firing) {
                self.fire(job, firing).await;
            }
        }
    }

    /// Runs one firing now, if nobody has; for cron, timers and other schedulers.
    ///
    /// Returns `None` if it was run already or is being run.
    pub async fn run_once(&self, job: &Job, firing: DateTime<Utc>) -> Result<Option<RunRecord>, ScheduleError> {
        match self.records.claim(job, firing, self.clock.now()).await? {
            Claimed::Ours(claim) => {
                let Finished { state, message } = self.executor.run(job, firing).await;
                self.records.finish(&claim, state, &message, self.clock.now()).await.map(Some)
            }
            Claimed::Taken => Ok(None),
            Claimed::Overlap => {
                self.records.skip(job, firing, self.clock.now()).await?;
                Ok(None)
            }
        }
    }

    async fn fire(&self, job: &Job, firing: DateTime<Utc>) {
        if let Some(result) = self.run_once(job, firing).await.transpose() {
            self.executor.ended(job, result).await;
        }
    }
}
