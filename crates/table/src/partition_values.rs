//! The values that all rows of a file share, as statistics.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, StringArray};
use chrono::{Days, NaiveDate};
use trailql_event::{DATE, REGION};

use crate::columns::{DATE_PARTS, REGIONS};

/// `region` and `date` of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PartitionValues {
    /// The event's region, or `unknown`.
    pub(crate) region: Option<String>,
    /// Days since the epoch.
    pub(crate) date: Option<i32>,
}

impl PartitionValues {
    fn day(&self) -> Option<NaiveDate> {
        let days = self.date?;
        let distance = Days::new(u64::from(days.unsigned_abs()));
        let epoch = NaiveDate::default();
        if days < 0 { epoch.checked_sub_days(distance) } else { epoch.checked_add_days(distance) }
    }
}

/// Minimum and maximum in one of a column for each of `files`; `None` unless the column is a partition column or
/// derived from one.
pub(crate) fn partition_bounds<'a>(column: &str, files: impl Iterator<Item = &'a PartitionValues>) -> Option<ArrayRef> {
    if let Some((_, format)) = DATE_PARTS.iter().find(|(part, _)| *part == column) {
        let texts = files.map(|values| values.day().map(|day| day.format(format).to_string()));
        return Some(Arc::new(texts.collect::<StringArray>()));
    }
    match column {
        column if column == REGION || REGIONS.contains(&column) => {
            Some(Arc::new(files.map(|values| values.region.as_deref()).collect::<StringArray>()))
        }
        DATE => Some(Arc::new(files.map(|values| values.date).collect::<Date32Array>())),
        _ => None,
    }
}
