//! The log files that no digest mentions, against the times that valid digests cover.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::area::{Area, LogFile};
use crate::error::IntegrityError;
use crate::finding::{Finding, Subject};
use crate::logs::{PlaceId, place_id};
use crate::run::Run;
use crate::verdict::Verdict;

/// A log file is named by the minute and mentioned by the digest of the hour in which it was delivered: the same, or,
/// of a file at the turn of an hour or one that S3 took late, the next. Only then is its absence one.
const MENTIONED_WITHIN: TimeDelta = TimeDelta::hours(2);

/// The digest of an hour is delivered within the next; with some patience.
const DIGEST_DELIVERED_WITHIN: TimeDelta = TimeDelta::hours(4);

/// Times that valid digests cover.
pub(crate) struct Coverage {
    /// Merged, by time.
    windows: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// End of the time whose digests were looked for.
    until: DateTime<Utc>,
}

impl Coverage {
    pub(crate) fn new(mut windows: Vec<(DateTime<Utc>, DateTime<Utc>)>, until: DateTime<Utc>) -> Self {
        windows.sort_unstable();
        let mut merged: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
        for (start, end) in windows {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        Self { windows: merged, until }
    }

    /// What it says about a log file of that time that no digest mentions it.
    fn verdict(&self, time: Option<DateTime<Utc>>) -> Verdict {
        let (Some(newest), Some(time)) = (self.windows.last().map(|window| window.1), time) else {
            // What has no time has no excuse, where there are digests.
            return if self.windows.is_empty() { Verdict::NotCovered } else { Verdict::NotMentioned };
        };
        let is_new = self.until < time + DIGEST_DELIVERED_WITHIN;
        match self.holds(time) {
            true if newest < time + MENTIONED_WITHIN => Verdict::AwaitsDigest,
            true => Verdict::NotMentioned,
            false if newest <= time && is_new => Verdict::AwaitsDigest,
            false => Verdict::NotCovered,
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
        let chain = Arc::clone(&chain);
        async move {
            if let Some(verdict) = verdict {
                let bucket = bucket.to_owned();
                let (subject, digest, version) = (Subject::LogFile, None, None);
                run.report(Finding { chain, subject, bucket, key, verdict, digest, version }).await;
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
        let windows = vec![(hour(12), hour(13)), (hour(1), hour(2)), (hour(2), hour(3))];
        let coverage = Coverage::new(windows, hour(20));
        assert_eq!(coverage.verdict(Some(hour(1))), Verdict::NotMentioned);
        assert_eq!(coverage.verdict(Some(hour(3))), Verdict::NotCovered);
        assert_eq!(coverage.verdict(Some(hour(0))), Verdict::NotCovered);
        assert_eq!(coverage.verdict(Some(hour(12))), Verdict::AwaitsDigest, "the next digest may mention it");
        assert_eq!(coverage.verdict(Some(hour(19))), Verdict::AwaitsDigest);
        assert_eq!(coverage.verdict(Some(hour(14))), Verdict::NotCovered, "its digest should be there by now");
        assert_eq!(coverage.verdict(None), Verdict::NotMentioned);
        assert_eq!(Coverage::new(Vec::new(), hour(20)).verdict(Some(hour(1))), Verdict::NotCovered);
    }
}
