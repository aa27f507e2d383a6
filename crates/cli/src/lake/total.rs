//! Sums over data files, and their table by day.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;
use trailql_lake::DataFile;

use super::text_table::TextTable;

/// Days that a text shows; `--json` has them all.
const DAYS_SHOWN: usize = 31;

/// Sums over some data files.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct Total {
    pub(super) events: u64,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

impl Total {
    pub(super) fn cells(self) -> [String; 3] {
        [HumanCount(self.events).to_string(), HumanCount(self.files).to_string(), HumanBytes(self.bytes).to_string()]
    }
}

impl From<&DataFile> for Total {
    fn from(file: &DataFile) -> Self {
        Self { events: file.row_count.unwrap_or_default(), files: 1, bytes: file.size_bytes }
    }
}

impl<'a> FromIterator<&'a DataFile> for Total {
    fn from_iter<I: IntoIterator<Item = &'a DataFile>>(files: I) -> Self {
        files.into_iter().map(Self::from).sum()
    }
}

impl std::iter::Sum for Total {
    fn sum<I: Iterator<Item = Self>>(totals: I) -> Self {
        totals.fold(Self::default(), |sum, total| Self {
            events: sum.events + total.events,
            files: sum.files + total.files,
            bytes: sum.bytes + total.bytes,
        })
    }
}

/// One line a day; of many days, the earlier ones are summed up.
pub(super) fn day_table(totals: impl Iterator<Item = (NaiveDate, Total)>) -> TextTable {
    let mut days: BTreeMap<NaiveDate, Total> = BTreeMap::new();
    for (date, total) in totals {
        let sum = days.entry(date).or_default();
        *sum = [*sum, total].into_iter().sum();
    }
    let mut table = TextTable::new(["day", "events", "files", "bytes"]);
    let earlier = days.len().saturating_sub(DAYS_SHOWN);
    if earlier > 0 {
        let sum: Total = days.values().take(earlier).copied().sum();
        let [events, files, bytes] = sum.cells();
        table.push([format!("{earlier} earlier"), events, files, bytes]);
    }
    for (day, total) in days.iter().skip(earlier) {
        let [events, files, bytes] = total.cells();
        table.push([day.to_string(), events, files, bytes]);
    }
    table
}
