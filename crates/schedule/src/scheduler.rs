//! Waits for the times of jobs and has them run.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::error::ScheduleError;
use crate::job::{Job, Missed};
use crate::records::{Claimed, OpenRun, Records, RunRecord, RunState};

/// Does the work of a job.
#[async_trait]
pub trait Executor: Send + Sync {
    /// Runs `job` for a firing, and ends it by itself when the job's timeout is over.
    async fn run(&self, job: &Job, firing: DateTime<Utc>) -> Finished;

    /// Is told, once, of a run whose process is gone.
    async fn lost(&self, job: &Job, record: &RunRecord);

    /// Is told of every run that ended or is lost, and of what went wrong with the records.
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
            let wake = self.settle(job).await;
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
                // The claim of another run is over: it has ended by then, or it is lost.
                () = self.sleep_until(wake.filter(|wake| *wake < firing)) => continue,
                () = self.clock.sleep_until(firing) => {}
            }
            seen = firing;
            // A machine that slept over a later firing has missed this one.
            if job.last_at(self.clock.now()).is_none_or(|last| last <= firing) {
                self.fire(job, firing).await;
            }
        }
    }

    /// Runs one firing now, if nobody has; for cron, timers and other schedulers. Earlier runs that are lost are told of.
    ///
    /// Returns `None` if it was run already or is being run.
    pub async fn run_once(&self, job: &Job, firing: DateTime<Utc>) -> Result<Option<RunRecord>, ScheduleError> {
        let now = self.clock.now();
        for run in self.records.open_runs(job).await?.iter().filter(|run| run.until <= now) {
            self.lose(job, run).await?;
        }
        self.attempt(job, firing).await
    }

    /// Deals with runs whose claims are over and that did not end: the last firing of a job that makes up for missed
    /// runs is run again, any other is lost. Returns when the next claim is over.
    async fn settle(&self, job: &Job) -> Option<DateTime<Utc>> {
        let now = self.clock.now();
        let open = match self.records.open_runs(job).await {
            Ok(open) => open,
            Err(error) => {
                self.executor.ended(job, Err(error)).await;
                return None;
            }
        };
        let (over, running): (Vec<_>, Vec<_>) = open.into_iter().partition(|run| run.until <= now);
        for run in over {
            if job.missed == Missed::RunLast && job.last_at(now) == Some(run.firing) {
                self.fire(job, run.firing).await;
            } else if let Err(error) = self.lose(job, &run).await {
                self.executor.ended(job, Err(error)).await;
            }
        }
        running.into_iter().map(|run| run.until).min()
    }

    async fn lose(&self, job: &Job, run: &OpenRun) -> Result<(), ScheduleError> {
        if let Some(record) = self.records.lose(job, run, self.clock.now()).await? {
            self.executor.lost(job, &record).await;
            self.executor.ended(job, Ok(record)).await;
        }
        Ok(())
    }

    /// Sleeps until a time, or for ever.
    async fn sleep_until(&self, time: Option<DateTime<Utc>>) {
        match time {
            Some(time) => self.clock.sleep_until(time).await,
            None => std::future::pending().await,
        }
    }

    async fn attempt(&self, job: &Job, firing: DateTime<Utc>) -> Result<Option<RunRecord>, ScheduleError> {
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
        if let Some(result) = self.attempt(job, firing).await.transpose() {
            self.executor.ended(job, result).await;
        }
    }
}
