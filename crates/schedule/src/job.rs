//! What is to be done when.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;

use crate::error::ScheduleError;

/// A job that is done at certain times.
#[derive(Debug, Clone)]
pub struct Job {
    /// Name; part of the paths of its records.
    pub name: String,
    /// What to do about a firing that nobody was there for.
    pub missed: Missed,
    /// Time after which a run is ended, and its claim is over.
    pub timeout: TimeDelta,
    cron: Cron,
    zone: Tz,
}

/// What to do about firings that were missed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Missed {
    /// Nothing: wait for the next one.
    #[default]
    Skip,
    /// Run once for the last one.
    RunLast,
}

impl Job {
    /// A job at the times of a cron expression (five fields, or six with seconds) in a time zone.
    ///
    /// A time that a change of the clock leaves out is made up for when the clock goes on; one that comes twice counts
    /// once. Jobs that run every so many minutes or hours follow the clock on the wall.
    pub fn try_new(
        name: &str,
        cron: &str,
        zone: &str,
        missed: Missed,
        timeout: TimeDelta,
    ) -> Result<Self, ScheduleError> {
        let parsed = Cron::from_str(cron).map_err(|error| ScheduleError::Cron {
            job: name.to_owned(),
            cron: cron.to_owned(),
            reason: error.to_string(),
        })?;
        let zone: Tz = zone.parse().map_err(|_| ScheduleError::Zone { job: name.to_owned(), zone: zone.to_owned() })?;
        let job = Self { name: name.to_owned(), missed, timeout, cron: parsed, zone };
        if job.next_after(DateTime::UNIX_EPOCH).is_none() {
            let reason = "it names no time that ever comes".to_owned();
            return Err(ScheduleError::Cron { job: name.to_owned(), cron: cron.to_owned(), reason });
        }
        Ok(job)
    }

    /// The first firing after `time`.
    pub fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.find_next_occurrence(&time.with_timezone(&self.zone), false).ok().map(|next| next.to_utc())
    }

    /// The last firing at or before `time`.
    pub fn last_at(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.cron.find_previous_occurrence(&time.with_timezone(&self.zone), true).ok().map(|last| last.to_utc())
    }

    /// `time` as the job's zone has it.
    pub fn local(&self, time: DateTime<Utc>) -> String {
        time.with_timezone(&self.zone).to_rfc3339()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(cron: &str, zone: &str) -> Job {
        Job::try_new("a", cron, zone, Missed::Skip, TimeDelta::hours(1)).expect("a job")
    }

    fn firings(job: &Job, after: &str, count: usize) -> Vec<String> {
        let mut time: DateTime<Utc> = after.parse().expect("a time");
        let mut found = Vec::new();
        for _ in 0..count {
            time = job.next_after(time).expect("a firing");
            found.push(time.format("%m-%dT%H:%M").to_string());
        }
        found
    }

    #[test]
    fn follows_the_clock_on_the_wall() {
        let nine = job("0 9 * * *", "Europe/Berlin");
        // Summer time began on 31 March 2024 and ended on 27 October.
        assert_eq!(firings(&nine, "2024-03-30T00:00:00Z", 3), ["03-30T08:00", "03-31T07:00", "04-01T07:00"]);
        assert_eq!(firings(&nine, "2024-10-26T00:00:00Z", 2), ["10-26T07:00", "10-27T08:00"]);
    }

    #[test]
    fn a_time_that_is_left_out_is_made_up_for_and_one_that_comes_twice_counts_once() {
        let half_past_two = job("30 2 * * *", "Europe/Berlin");
        assert_eq!(firings(&half_past_two, "2024-03-30T12:00:00Z", 2), ["03-31T01:00", "04-01T00:30"]);
        assert_eq!(firings(&half_past_two, "2024-10-26T12:00:00Z", 2), ["10-27T00:30", "10-28T01:30"]);
    }

    #[test]
    fn the_last_firing_includes_now() {
        let hourly = job("0 * * * *", "UTC");
        let noon: DateTime<Utc> = "2024-03-01T12:00:00Z".parse().expect("a time");
        assert_eq!(hourly.last_at(noon), Some(noon));
        assert_eq!(hourly.last_at(noon - TimeDelta::seconds(1)), Some(noon - TimeDelta::hours(1)));
    }

    #[test]
    fn refuses_what_is_no_time() {
        let refused = |cron: &str, zone: &str| {
            Job::try_new("a", cron, zone, Missed::Skip, TimeDelta::hours(1)).map(drop).map_err(|e| e.to_string())
        };
        assert!(refused("nonsense", "UTC").is_err_and(|error| error.contains("job a: 'nonsense'")));
        assert!(refused("0 9 * * *", "Mars/Base").is_err_and(|error| error.contains("no time zone 'Mars/Base'")));
        assert!(refused("0 0 31 2 *", "UTC").is_err());
    }
}
