//! What goes into one commit: decoded units, the fate of every row, and the partitions they belong to.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{Days, NaiveDate};
use trailql_event::{DecodedBatch, EventKey, Reject, UNKNOWN_REGION};
use trailql_lake::DataFile;

use crate::decode::{DecodedFile, DecodedUnit};

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// Longest region that becomes a folder name; file systems end at 255 bytes, percent signs take three each.
const MAX_REGION_BYTES: usize = 64;

/// Rows of several decoded units.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    batches: Vec<DecodedBatch>,
    fates: Vec<Vec<Fate>>,
    /// In the order of their rows.
    pub(crate) files: Vec<DecodedFile>,
    pub(crate) rejects: Vec<Reject>,
    json_bytes: u64,
}

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes into the lake.
    Kept,
    /// The filters do not want it.
    Filtered,
    /// It is older than what the lake keeps.
    Expired,
    /// The event is there already.
    Duplicate,
    /// Another event with its ID is there already.
    Conflict,
}

/// A row of a [`Batch`]; ordered as the rows were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RowId {
    pub(crate) batch: usize,
    pub(crate) row: u32,
}

/// Where rows go in the lake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Partition {
    pub(crate) region: String,
    /// Days since the epoch; `None` for events without a readable time.
    pub(crate) date: Option<i32>,
}

impl Batch {
    /// Adds the rows of a unit.
    pub(crate) fn add(&mut self, unit: DecodedUnit) {
        self.json_bytes += unit.json_bytes();
        for (batch, mask) in unit.batches.into_iter().zip(unit.masks) {
            let fate = |wanted: bool| if wanted { Fate::Kept } else { Fate::Filtered };
            self.fates.push(match mask {
                Some(mask) => mask.values().iter().map(fate).collect(),
                None => vec![Fate::Kept; batch.keys.len()],
            });
            self.batches.push(batch);
        }
        self.files.extend(unit.files);
        self.rejects.extend(unit.rejects);
    }

    /// JSON bytes of all rows, by which memory is bounded.
    pub(crate) fn json_bytes(&self) -> u64 {
        self.json_bytes
    }

    /// Files, and parts of files, that the rows come from.
    pub(crate) fn file_count(&self) -> usize {
        self.files.len()
    }

    /// Whether there is nothing to account for.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(crate) fn rows(&self, batch: usize) -> &RecordBatch {
        &self.batches[batch].rows
    }

    /// All batches, in the order that [`RowId`] counts them.
    pub(crate) fn record_batches(&self) -> Vec<&RecordBatch> {
        self.batches.iter().map(|batch| &batch.rows).collect()
    }

    pub(crate) fn key(&self, row: RowId) -> EventKey {
        self.batches[row.batch].keys[row.row as usize]
    }

    pub(crate) fn fate(&self, row: RowId) -> Fate {
        self.fates[row.batch][row.row as usize]
    }

    pub(crate) fn set_fate(&mut self, row: RowId, fate: Fate) {
        self.fates[row.batch][row.row as usize] = fate;
    }

    pub(crate) fn event_id(&self, row: RowId) -> Option<&str> {
        let ids = self.rows(row.batch)["eventid"].as_string::<i32>();
        ids.is_valid(row.row as usize).then(|| ids.value(row.row as usize))
    }

    /// Rows that go into the lake, in the order they were read.
    pub(crate) fn kept_rows(&self) -> impl Iterator<Item = RowId> + '_ {
        self.rows_with(Fate::Kept)
    }

    /// Rows of one fate, in the order they were read.
    pub(crate) fn rows_with(&self, wanted: Fate) -> impl Iterator<Item = RowId> + '_ {
        self.fates.iter().enumerate().flat_map(move |(batch, fates)| {
            let rows = fates.iter().enumerate().filter(move |(_, fate)| **fate == wanted);
            rows.map(move |(row, _)| RowId { batch, row: row as u32 })
        })
    }

    pub(crate) fn partition(&self, row: RowId) -> Partition {
        let rows = self.rows(row.batch);
        let regions = rows["awsregion"].as_string::<i32>();
        let region = regions.is_valid(row.row as usize).then(|| regions.value(row.row as usize));
        let times = rows["eventtime"].as_primitive::<TimestampMicrosecondType>();
        let day = |micros: i64| i32::try_from(micros.div_euclid(DAY_MICROS)).ok();
        Partition {
            region: usable_region(region).to_owned(),
            date: times.is_valid(row.row as usize).then(|| times.value(row.row as usize)).and_then(day),
        }
    }

    /// Kept rows by the partition they go to.
    pub(crate) fn partitions(&self) -> BTreeMap<Partition, Vec<RowId>> {
        let mut by_partition: HashMap<(&str, Option<i64>), Vec<RowId>> = HashMap::new();
        for (batch, fates) in self.fates.iter().enumerate() {
            let rows = self.rows(batch);
            let regions = rows["awsregion"].as_string::<i32>();
            let times = rows["eventtime"].as_primitive::<TimestampMicrosecondType>();
            for row in (0..fates.len()).filter(|row| fates[*row] == Fate::Kept) {
                let region = usable_region(regions.is_valid(row).then(|| regions.value(row)));
                let day = times.is_valid(row).then(|| times.value(row).div_euclid(DAY_MICROS));
                by_partition.entry((region, day)).or_default().push(RowId { batch, row: row as u32 });
            }
        }
        let named = |(region, day): (&str, Option<i64>)| Partition {
            region: region.to_owned(),
            date: day.and_then(|day| i32::try_from(day).ok()),
        };
        by_partition.into_iter().map(|(partition, rows)| (named(partition), rows)).collect()
    }

    /// Writes into each file's entry what became of its rows.
    pub(crate) fn settle_files(&mut self) {
        let mut fates = self.fates.iter().flatten();
        for file in &mut self.files {
            let entry = &mut file.entry;
            (entry.kept, entry.duplicates, entry.filtered, entry.rejected) = (0, 0, 0, file.account.rejected);
            for fate in fates.by_ref().take(file.account.rows as usize) {
                match fate {
                    Fate::Kept => entry.kept += 1,
                    Fate::Duplicate => entry.duplicates += 1,
                    Fate::Filtered | Fate::Expired => entry.filtered += 1,
                    Fate::Conflict => entry.rejected += 1,
                }
            }
        }
    }
}

impl Partition {
    /// Whether a file of the lake is in this partition.
    pub(crate) fn holds(&self, file: &DataFile) -> bool {
        file.region.as_deref() == Some(self.region.as_str()) && file.date == self.date
    }

    /// The day as `2024-03-01`.
    pub(crate) fn day(&self) -> Option<String> {
        let day = NaiveDate::default().checked_add_days(Days::new(u64::try_from(self.date?).ok()?))?;
        Some(day.format("%Y-%m-%d").to_string())
    }
}

/// The region of a row as a partition value.
fn usable_region(region: Option<&str>) -> &str {
    region.filter(|region| (1..=MAX_REGION_BYTES).contains(&region.len())).unwrap_or(UNKNOWN_REGION)
}
