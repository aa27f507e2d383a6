//! The log files that no digest mentions, against the times that valid digests cover.

use chrono::{DateTime, TimeDelta, Utc};

use crate::area::{Area, LogFile};
use crate::error::IntegrityError;
use crate::finding::{Finding, Subject, Verdict};
use crate::logs::{PlaceId, place_id};
use crate::run::Run;
use std::collections::HashSet;

/// A log file is named by the minute and mentioned by the digest of the hour in which it was delivered: the same, or,
/// of a file at the turn of an hour or one that S3 took late, the next. Only then is its absence one.
const MENTIONED_WITHIN: TimeDelta = TimeDelta::hours(2);

/// Times that valid digests cover.
pub(crate) struct Coverage {
    /// Merged, by time.
    windows: Vec<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Coverage {
    pub(crate) fn new(mut windows: Vec<(DateTime<Utc>, DateTime<Utc>)>) -> Self {
        windows.sort_unstable();
        let mut merged: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
        for (start, end) in windows {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        Self { windows: merged }
    }

    /// What it says about a log file of that time that no digest mentions it.
    fn verdict(&self, time: Option<DateTime<Utc>>) -> Verdict {
        let newest = self.windows.last().map(|window| window.1);
        match (time, newest) {
            (_, None) => Verdict::NotCovered,
            (Some(time), Some(newest)) if newest < time + MENTIONED_WITHIN => Verdict::AwaitsDigest,
            (Some(time), _) if !self.holds(time) => Verdict::NotCovered,
            // What has no time has no excuse either.
            _ => Verdict::NotMentioned,
        }
    }

    fn holds(&self, time: DateTime<Utc>) -> bool {
        let behind = self.windows.partition_point(|window| window.0 <= time);
        behind.checked_sub(1).and_then(|at| self.windows.get(at)).is_some_and(|window| time < window.1)
    }
}

/// Reports the log files of `area` that are in none of its digests.
pub(crate) async fn report_unmentioned(
    run: &Run,
    area: &Area,
    mentioned: &HashSet<PlaceId>,
    coverage: &Coverage,
) -> Result<(), IntegrityError> {
    let chain = area.chain("", "");
    let bucket = area.bucket.name();
    let unmentioned = |log: LogFile| {
        let key = log.object.key;
        let verdict = (!mentioned.contains(&place_id(bucket, &key))).then(|| coverage.verdict(log.time));
        let chain = std::sync::Arc::clone(&chain);
        async move {
            if let Some(verdict) = verdict {
                let bucket = bucket.to_owned();
                run.report(Finding { chain, subject: Subject::LogFile, bucket, key, verdict }).await;
            }
        }
    };
    area.for_each_log(&run.options.filters, unmentioned).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour * 3600, 0).expect("a time")
    }

    #[test]
    fn tells_added_files_from_uncovered_and_new_ones() {
        let coverage = Coverage::new(vec![(hour(12), hour(13)), (hour(1), hour(2)), (hour(2), hour(3))]);
        assert_eq!(coverage.verdict(Some(hour(1))), Verdict::NotMentioned);
        assert_eq!(coverage.verdict(Some(hour(3))), Verdict::NotCovered);
        assert_eq!(coverage.verdict(Some(hour(0))), Verdict::NotCovered);
        assert_eq!(coverage.verdict(Some(hour(12))), Verdict::AwaitsDigest);
        assert_eq!(coverage.verdict(None), Verdict::NotMentioned);
        assert_eq!(Coverage::new(Vec::new()).verdict(Some(hour(1))), Verdict::NotCovered);
    }
}
