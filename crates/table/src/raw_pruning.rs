//! Skipping log files by their keys.
//!
//! ```text
//! AWSLogs/[o-ORGID/]ACCOUNT/KIND/REGION/YYYY/MM/DD/FILE
//!                                │      └ day of delivery: events are up to 30 days older, and not newer
//!                                └ awsRegion of the events, or that of a global service
//! ```
//!
//! A file that is not laid out like this is never skipped. The account of the folder skips nothing: logs that were
//! anonymised after delivery name another one in their events, and an answer must not depend on where a file lies.

use std::collections::{BTreeSet, HashSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, StringArray, TimestampMicrosecondArray, UInt64Array};
use chrono::{Datelike, Days, NaiveDate};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, Result};
use datafusion::physical_optimizer::pruning::PruningPredicate;
use datafusion::scalar::ScalarValue;
use trailql_event::{DATE, REGION, SOURCE_FILE, UNKNOWN_REGION, UTC};
use trailql_source::{GLOBAL_REGIONS, Kind, LogFile, LogKey};

use crate::columns::PATH;
use crate::lake_file::{Bound, MICROS_PER_DAY};
use crate::partition_filter::PartitionFilter;

/// CloudTrail retries delivery for 30 days (User Guide, "CloudTrail log files"); two more for what it does not state.
const DELIVERED_LATE_DAYS: u64 = 32;

/// An event is delivered after it happened; a day of slack for clocks that are ahead.
const DELIVERED_EARLY_DAYS: u64 = 1;

/// Keeps the files that may hold a matching row.
pub(crate) fn prune_log_files(
    files: Vec<LogFile>,
    partitions: Option<&PartitionFilter>,
    predicate: Option<&PruningPredicate>,
) -> Result<Vec<LogFile>> {
    // Digests hold hashes of log files, not events.
    let mut files = files;
    files.retain(|file| file.key.as_ref().is_none_or(|key| key.kind != Kind::Digest));
    if let Some(filter) = partitions {
        let possible = PossiblePartitions::evaluate(filter, &files)?;
        files.retain(|file| possible.admits(file));
    }
    if let Some(predicate) = predicate {
        let keep = predicate.prune(&KeyStatistics { files: &files })?;
        let mut keep = keep.into_iter();
        files.retain(|_| keep.next().unwrap_or(true));
    }
    Ok(files)
}

/// The pairs of region and date that pass a filter, out of those that the files can hold.
struct PossiblePartitions {
    passing: HashSet<(String, Option<i32>)>,
}

impl PossiblePartitions {
    /// Tries every region with every date, each once, however many files there are.
    fn evaluate(filter: &PartitionFilter, files: &[LogFile]) -> Result<Self> {
        let keys = || files.iter().filter_map(|file| file.key.as_ref());
        let regions: BTreeSet<&str> = keys().flat_map(possible_regions).collect();
        let days: BTreeSet<i32> = keys().map(possible_dates).collect::<HashSet<_>>().into_iter().flatten().collect();
        let dates: Vec<Option<i32>> = days.into_iter().map(Some).chain([None]).collect();
        let pairs = || regions.iter().flat_map(|region| dates.iter().map(|date| (Some(*region), *date)));
        let passes = filter.passes(pairs())?;
        let passing = pairs().zip(passes).filter(|(_, passes)| *passes);
        let passing = passing.filter_map(|((region, date), _)| Some((region?.to_owned(), date))).collect();
        Ok(Self { passing })
    }

    fn admits(&self, file: &LogFile) -> bool {
        let Some(key) = &file.key else { return true };
        let dates = || possible_dates(key).map(Some).chain([None]);
        possible_regions(key).any(|region| dates().any(|date| self.passing.contains(&(region.to_owned(), date))))
    }
}

/// Values that `region` can have in a file.
fn possible_regions(key: &LogKey) -> impl Iterator<Item = &str> {
    std::iter::once(key.region.as_str()).chain(GLOBAL_REGIONS).chain([UNKNOWN_REGION])
}

/// Values that `date` can have in a file, besides NULL.
fn possible_dates(key: &LogKey) -> RangeInclusive<i32> {
    let late = key.day.checked_sub_days(Days::new(DELIVERED_LATE_DAYS)).unwrap_or(key.day);
    let early = key.day.checked_add_days(Days::new(DELIVERED_EARLY_DAYS)).unwrap_or(key.day);
    let epoch = NaiveDate::default().num_days_from_ce();
    late.num_days_from_ce() - epoch..=early.num_days_from_ce() - epoch
}

/// One container per file, known by its key alone.
struct KeyStatistics<'a> {
    files: &'a [LogFile],
}

impl KeyStatistics<'_> {
    fn keys(&self) -> impl Iterator<Item = Option<&LogKey>> {
        self.files.iter().map(|file| file.key.as_ref())
    }

    fn bounds(&self, column: &str, bound: Bound) -> Option<ArrayRef> {
        let day = |key: Option<&LogKey>| {
            let dates = possible_dates(key?);
            Some(if bound == Bound::Min { *dates.start() } else { *dates.end() })
        };
        Some(match column {
            "eventtime" => {
                let micros = |day: i32| match bound {
                    Bound::Min => i64::from(day) * MICROS_PER_DAY,
                    Bound::Max => (i64::from(day) + 1) * MICROS_PER_DAY - 1,
                };
                let times: TimestampMicrosecondArray = self.keys().map(|key| day(key).map(micros)).collect();
                Arc::new(times.with_timezone(UTC))
            }
            DATE => Arc::new(self.keys().map(day).collect::<Date32Array>()),
            PATH | SOURCE_FILE => Arc::new(self.files.iter().map(|file| Some(&file.name)).collect::<StringArray>()),
            _ => return None,
        })
    }
}

impl PruningStatistics for KeyStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(&column.name, Bound::Min)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(&column.name, Bound::Max)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let never_null = matches!(column.name.as_str(), PATH | SOURCE_FILE | REGION);
        never_null.then(|| Arc::new(UInt64Array::from(vec![0; self.files.len()])) as ArrayRef)
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    /// A file cannot hold regions other than its possible ones.
    #[allow(clippy::mutable_key_type)] // The trait's choice; the values are only looked up.
    fn contained(&self, column: &Column, values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        if !matches!(column.name.as_str(), REGION | "awsregion") {
            return None;
        }
        let searched: HashSet<&str> = values.iter().map(|value| value.try_as_str().flatten()).collect::<Option<_>>()?;
        let verdict = |key: Option<&LogKey>| {
            let possible = possible_regions(key?).any(|region| searched.contains(region));
            if possible { None } else { Some(false) }
        };
        Some(self.keys().map(verdict).collect())
    }
}
