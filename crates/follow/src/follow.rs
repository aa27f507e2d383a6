//! The loop: ingest what is new, look after the lake, wait.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use tokio::sync::Notify;
use trailql_ingest::{IngestError, IngestOptions, Progress, Summary, ingest};
use trailql_lake::Lake;
use trailql_source::SourceError;
use trailql_store::Stores;

use crate::error::FollowError;
use crate::queue::Queue;
use crate::queue_pass::QueuePass;
use crate::upkeep::{Upkeep, UpkeepPolicy, UpkeepReport};

/// Passes that list only the days that most files are delivered for, between two that list a week.
const PASSES_PER_WEEK_LISTING: u64 = 10;

/// Passes between two that list every day that can still change.
const PASSES_PER_FULL_LISTING: u64 = 60;

/// CloudTrail delivers up to 30 days late (User Guide, "Getting and viewing your CloudTrail log files").
const LATEST_DELIVERY: Days = Days::new(32);

/// Longest wait between two attempts while something is wrong.
const LONGEST_BACKOFF: Duration = Duration::from_secs(600);

/// What to follow, and how.
#[derive(Debug, Clone)]
pub struct FollowOptions {
    /// Folder or URL of the lake.
    pub lake: String,
    /// The sources; each is listed in every pass.
    pub ingests: Vec<IngestOptions>,
    /// Time from the start of a pass to that of the next one.
    pub interval: Duration,
    /// Takes new objects from this queue instead of listing the sources, which are listed once, at the start.
    pub queue: Option<Queue>,
    /// What is done for the lake on the way.
    pub upkeep: UpkeepPolicy,
}

/// What happened, for whoever watches.
#[derive(Debug)]
pub enum FollowEvent<'a> {
    /// A pass read files.
    Ingested(&'a Summary),
    /// The lake was looked after.
    Upkept(&'a UpkeepReport),
    /// A message that announces no log file was put aside, with the reason.
    PutAside {
        /// ID of the message.
        message: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// Something failed and is tried again after a while.
    Failed {
        /// What failed.
        error: &'a FollowError,
        /// When it is tried again.
        retry_in: Duration,
    },
}

/// Asks a running [`follow`] to end; clones ask the same one.
#[derive(Debug, Clone)]
pub struct Stop {
    progress: Arc<Progress>,
    waiting: Arc<Notify>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { progress: Progress::new(), waiting: Arc::default() }
    }
}

impl Stop {
    /// Lets the batch in hand be committed, and ends.
    pub fn stop(&self) {
        self.progress.stop();
        self.waiting.notify_one();
    }

    /// Counters of what is being read.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.progress.is_stopped()
    }

    /// Waits until asked to stop.
    pub(crate) async fn stopped(&self) {
        while !self.is_stopped() {
            self.waiting.notified().await;
        }
    }

    /// Waits; ends early when asked to stop.
    pub(crate) async fn wait(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.stopped() => {}
        }
    }
}

/// Keeps the lake up with its sources until asked to stop.
///
/// Fails only if the very first pass does: what goes wrong later is told and tried again.
pub async fn follow(
    stores: &Stores,
    options: &FollowOptions,
    stop: &Stop,
    tell: &(dyn Fn(FollowEvent<'_>) + Sync),
) -> Result<(), FollowError> {
    let mut run = Run { stores, options, stop, tell, put_off: PutOff::default() };
    let lake = Lake::open_or_create(stores, &options.lake).await?;
    run.listing_pass(None).await?;
    let mut upkeep = Upkeep::new(lake, options.upkeep.clone());
    let mut troubles = 0;
    for number in 1.. {
        if stop.is_stopped() {
            break;
        }
        let start = Instant::now();
        match run.pass(number, &mut upkeep).await {
            Ok(()) => troubles = 0,
            Err(error) => {
                troubles += 1;
                let retry_in = options.interval.saturating_mul(1 << troubles.min(10)).min(LONGEST_BACKOFF);
                tell(FollowEvent::Failed { error: &error, retry_in });
                stop.wait(retry_in).await;
                continue;
            }
        }
        // A queue is waited for by asking it.
        if options.queue.is_none() {
            stop.wait(options.interval.saturating_sub(start.elapsed())).await;
        }
    }
    Ok(())
}

struct Run<'a> {
    stores: &'a Stores,
    options: &'a FollowOptions,
    stop: &'a Stop,
    tell: &'a (dyn Fn(FollowEvent<'_>) + Sync),
    put_off: PutOff,
}

impl Run<'_> {
    async fn pass(&mut self, number: u64, upkeep: &mut Upkeep) -> Result<(), FollowError> {
        match &self.options.queue {
            Some(queue) => {
                let (stores, options, stop, tell) = (self.stores, self.options, self.stop, self.tell);
                QueuePass { stores, queue, options, stop, tell }.run().await?;
            }
            None => self.listing_pass(Some(delivered_from(number, Utc::now().date_naive()))).await?,
        }
        if let Some(report) = upkeep.run_if_due(Utc::now(), self.stop).await? {
            (self.tell)(FollowEvent::Upkept(&report));
        }
        Ok(())
    }

    /// Lists every source, its buckets from one day of delivery on, and ingests what the lake lacks.
    async fn listing_pass(&mut self, delivered_from: Option<NaiveDate>) -> Result<(), FollowError> {
        for source in &self.options.ingests {
            if self.stop.is_stopped() {
                break;
            }
            let put_off = self.put_off.names(Utc::now());
            let options = IngestOptions { delivered_from, put_off, ..source.clone() };
            match ingest(self.stores, &self.options.lake, &options, self.stop.progress()).await {
                Ok(summary) => {
                    self.put_off.note(&summary, Utc::now());
                    if summary.read > 0 || !summary.failed.is_empty() {
                        (self.tell)(FollowEvent::Ingested(&summary));
                    }
                }
                // Nothing was delivered yet, or not on these days.
                Err(IngestError::Source(SourceError::NoLogFiles { .. })) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// First day of delivery that a pass lists: most files come within the hour, a few within the week, and some up to a
/// month late.
fn delivered_from(pass: u64, today: NaiveDate) -> NaiveDate {
    let back = if pass.is_multiple_of(PASSES_PER_FULL_LISTING) {
        LATEST_DELIVERY
    } else if pass.is_multiple_of(PASSES_PER_WEEK_LISTING) {
        Days::new(7)
    } else {
        Days::new(1)
    };
    today.checked_sub_days(back).unwrap_or(today)
}

/// Files that could not be read: tried again at growing intervals, and not named anew in every pass.
#[derive(Debug, Default)]
struct PutOff {
    files: HashMap<String, Retry>,
}

#[derive(Debug, Clone, Copy)]
struct Retry {
    attempts: u32,
    at: DateTime<Utc>,
}

impl PutOff {
    /// Names of the files whose time has not come.
    fn names(&self, now: DateTime<Utc>) -> HashSet<String> {
        self.files.iter().filter(|(_, retry)| retry.at > now).map(|(name, _)| name.clone()).collect()
    }

    fn note(&mut self, summary: &Summary, now: DateTime<Utc>) {
        let failed: HashSet<&str> = summary.failed.iter().map(|failed| failed.file.as_str()).collect();
        self.files.retain(|name, retry| retry.at > now || failed.contains(name.as_str()));
        for name in failed {
            let retry = self.files.entry(name.to_owned()).or_insert(Retry { attempts: 0, at: now });
            retry.attempts += 1;
            retry.at = now + TimeDelta::minutes(1 << retry.attempts.min(10));
        }
    }
}

#[cfg(test)]
mod tests {
    use trailql_ingest::FailedFile;

    use super::*;

    #[test]
    fn old_days_are_listed_at_growing_intervals() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let today = day("2024-03-31");
        assert_eq!(delivered_from(1, today), day("2024-03-30"));
        assert_eq!(delivered_from(10, today), day("2024-03-24"));
        assert_eq!(delivered_from(60, today), day("2024-02-28"));
        assert_eq!(delivered_from(61, today), day("2024-03-30"));
    }

    #[test]
    fn files_that_fail_are_tried_at_growing_intervals() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).expect("a time");
        let bad = FailedFile { file: "bad".to_owned(), reason: "damaged".to_owned() };
        let failing = Summary { failed: vec![bad], ..Summary::default() };
        let mut put_off = PutOff::default();
        put_off.note(&failing, now);
        assert!(put_off.names(now + TimeDelta::minutes(1)).contains("bad"));
        let later = now + TimeDelta::minutes(2);
        assert!(put_off.names(later).is_empty());
        put_off.note(&failing, later);
        assert!(put_off.names(later + TimeDelta::minutes(3)).contains("bad"));
        let last = later + TimeDelta::minutes(4);
        put_off.note(&Summary::default(), last);
        assert!(put_off.files.is_empty(), "it was read in the end");
    }
}
