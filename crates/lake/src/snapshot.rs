//! One version of the lake as a list of data files.

use chrono::NaiveDate;
use deltalake::kernel::LogicalFileView;
use object_store::path::Path;
use trailql_event::{DATE, REGION};

/// The data files of one version of the lake.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Version of the Delta table.
    pub version: u64,
    /// Every live data file, in no particular order.
    pub files: Vec<DataFile>,
}

impl Snapshot {
    /// Events in the lake, as far as the log states them.
    pub fn row_count(&self) -> u64 {
        self.files.iter().filter_map(|file| file.row_count).sum()
    }

    /// Bytes of all data files.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }
}

/// One Parquet file of the lake with what the Delta log says about it.
#[derive(Debug, Clone)]
pub struct DataFile {
    /// Path relative to the lake.
    pub path: Path,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Time of the commit that added the file, in milliseconds since the epoch.
    pub modified_millis: i64,
    /// Rows, where the log states them.
    pub row_count: Option<u64>,
    /// Partition value of `region`.
    pub region: Option<String>,
    /// Partition value of `date` in days since the epoch; `None` for events without a readable time.
    pub date: Option<i32>,
    /// Statistics as Delta keeps them: a JSON object with `numRecords`, `minValues`, `maxValues`, `nullCount`.
    pub stats: Option<String>,
}

impl DataFile {
    /// Partition value of `date` as a day.
    pub fn day(&self) -> Option<NaiveDate> {
        self.date.and_then(NaiveDate::from_epoch_days)
    }

    pub(crate) fn from_view(view: &LogicalFileView) -> Self {
        let partition = view.partition_values_map();
        let value = |name: &str| partition.get(name).cloned().flatten();
        Self {
            path: view.object_store_path(),
            size_bytes: u64::try_from(view.size()).unwrap_or_default(),
            modified_millis: view.modification_time(),
            row_count: view.num_records().map(|rows| rows as u64),
            region: value(REGION),
            date: value(DATE).and_then(|text| days_since_epoch(&text)),
            stats: view.stats(),
        }
    }
}

/// Days since the epoch of a partition value such as `2024-03-01`.
fn days_since_epoch(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}
