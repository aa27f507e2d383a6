//! One data file of the lake with its statistics, parsed when first needed.

use std::sync::OnceLock;

use chrono::DateTime;
use object_store::ObjectMeta;
use serde_json::Value;
use trailql_lake::DataFile;
use trailql_lake::file_format::{PAGE_ROWS, ROW_GROUP_ROWS};

use crate::partition_values::PartitionValues;
use crate::row_groups::FileToPrune;

pub(crate) const MICROS_PER_DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// Delta keeps times with millisecond precision, rounding down: a maximum may be this much too small.
const TRUNCATED_MICROS: i64 = 999;

/// Footer of one row group: 18 kB were measured, whatever the number of rows, most of it statistics of 75 leaves.
const FOOTER_BYTES_PER_ROW_GROUP: usize = 20 * 1024;

/// Rows that ingest puts into a row group.
const ROWS_PER_ROW_GROUP: u64 = ROW_GROUP_ROWS as u64;

/// Page index of a page of every column: 4 kB were measured.
const INDEX_BYTES_PER_PAGE: usize = 4 * 1024;

/// Beyond this many row groups a second request is cheap beside the first.
const MAX_ROW_GROUPS: u64 = 16;

/// Which bound of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    Min,
    Max,
}

/// A [`DataFile`] and what the Delta log says about its columns.
#[derive(Debug)]
pub(crate) struct LakeFile {
    pub(crate) file: DataFile,
    pub(crate) partition: PartitionValues,
    stats: OnceLock<Stats>,
}

/// The Delta statistics object, as far as pruning uses it.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Stats {
    min_values: Value,
    max_values: Value,
    null_count: Value,
}

impl LakeFile {
    pub(crate) fn new(file: DataFile) -> Self {
        let partition = PartitionValues { region: file.region.clone(), date: file.date };
        Self { file, partition, stats: OnceLock::new() }
    }

    /// What the object store would say about the file; saves asking it.
    pub(crate) fn object_meta(&self) -> ObjectMeta {
        ObjectMeta {
            location: self.file.path.clone(),
            last_modified: DateTime::from_timestamp_millis(self.file.modified_millis).unwrap_or_default(),
            size: self.file.size_bytes,
            e_tag: None,
            version: None,
        }
    }

    /// How much of the file's end to read for its footer.
    ///
    /// Too little costs a second request; too much is wasted on every file of a search through all of them.
    pub(crate) fn footer_bytes(&self) -> usize {
        let row_groups = self.file.row_count.unwrap_or_default().div_ceil(ROWS_PER_ROW_GROUP).clamp(1, MAX_ROW_GROUPS);
        usize::try_from(row_groups).unwrap_or(1) * FOOTER_BYTES_PER_ROW_GROUP
    }

    /// How much lies before the footer for its page index.
    fn page_index_bytes(&self) -> usize {
        let rows = self.file.row_count.unwrap_or_default().min(MAX_ROW_GROUPS * ROWS_PER_ROW_GROUP);
        usize::try_from(rows).unwrap_or_default().div_ceil(PAGE_ROWS) * INDEX_BYTES_PER_PAGE
    }

    /// What is needed to look into the file while planning.
    pub(crate) fn to_prune(&self, is_told: bool) -> FileToPrune {
        let (meta, partition) = (self.object_meta(), self.partition.clone());
        // Of the few files that the index admits footer and page index come by one request.
        let tail_bytes = self.footer_bytes() + if is_told { self.page_index_bytes() } else { 0 };
        FileToPrune { meta, partition, tail_bytes, is_told }
    }

    /// Text that no value of the column lies below (or above); `path` is dotted for members of structs.
    pub(crate) fn text_bound(&self, path: &str, bound: Bound) -> Option<&str> {
        self.bound(path, bound)?.as_str()
    }

    /// The same for a boolean column.
    pub(crate) fn bool_bound(&self, path: &str, bound: Bound) -> Option<bool> {
        self.bound(path, bound)?.as_bool()
    }

    /// The same for `eventtime`, in microseconds since the epoch.
    ///
    /// Where the statistics lack it, the partition's day bounds it: `date` is the day of `eventtime`.
    pub(crate) fn event_time_bound(&self, bound: Bound) -> Option<i64> {
        let stated = self.text_bound("eventtime", bound).and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        let day = self.file.date.map(|days| i64::from(days) * MICROS_PER_DAY);
        match (stated.map(|time| time.timestamp_micros()), bound) {
            (Some(micros), Bound::Min) => Some(micros),
            (Some(micros), Bound::Max) => Some(micros + TRUNCATED_MICROS),
            (None, Bound::Min) => day,
            (None, Bound::Max) => day.map(|start| start + MICROS_PER_DAY - 1),
        }
    }

    /// How many rows have NULL in the column.
    pub(crate) fn null_count(&self, path: &str) -> Option<u64> {
        member(&self.stats().null_count, path)?.as_u64()
    }

    fn bound(&self, path: &str, bound: Bound) -> Option<&Value> {
        let stats = self.stats();
        let values = match bound {
            Bound::Min => &stats.min_values,
            Bound::Max => &stats.max_values,
        };
        member(values, path)
    }

    /// Unreadable statistics are no statistics: they only ever save work.
    fn stats(&self) -> &Stats {
        self.stats.get_or_init(|| {
            self.file.stats.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
        })
    }
}

fn member<'a>(values: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(values, |value, name| value.get(name))
}
