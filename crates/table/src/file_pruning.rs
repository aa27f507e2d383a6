//! Skipping whole files by the statistics of the Delta log.
//!
//! ```text
//!  file   region      date         eventtime min … max    useridentity.arn min … max
//!  a      us-east-1   2024-03-01   00:00:01 … 23:59:40    arn:…:root … arn:…:user/zoe
//!  b      eu-west-1   2024-03-01   (from date)            (unknown: kept)
//! ```

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, StringArray, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::DataType;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, Result};
use datafusion::physical_optimizer::pruning::PruningPredicate;
use datafusion::scalar::ScalarValue;
use trailql_event::UTC;

use crate::flat::flat_schema;
use crate::lake_file::{Bound, LakeFile};
use crate::partition_values::partition_bounds;

/// Keeps the files that may hold a matching row.
pub(crate) fn prune_files<'a>(predicate: &PruningPredicate, files: Vec<&'a LakeFile>) -> Result<Vec<&'a LakeFile>> {
    let keep = predicate.prune(&FileStatistics { files: &files })?;
    Ok(files.into_iter().zip(keep).filter_map(|(file, keep)| keep.then_some(file)).collect())
}

/// One container per file.
struct FileStatistics<'a> {
    files: &'a [&'a LakeFile],
}

impl FileStatistics<'_> {
    fn bounds(&self, column: &str, bound: Bound) -> Option<ArrayRef> {
        if let Some(values) = self.partition_bounds(column) {
            return Some(values);
        }
        let files = self.files.iter();
        let schema = flat_schema();
        Some(match schema.field_with_name(column).ok()?.data_type() {
            DataType::Timestamp(..) if column == "eventtime" => {
                let times: TimestampMicrosecondArray = files.map(|file| file.event_time_bound(bound)).collect();
                Arc::new(times.with_timezone(UTC))
            }
            DataType::Utf8 | DataType::Utf8View => {
                Arc::new(files.map(|file| file.text_bound(column, bound)).collect::<StringArray>())
            }
            DataType::Boolean => Arc::new(files.map(|file| file.bool_bound(column, bound)).collect::<BooleanArray>()),
            _ => return None,
        })
    }

    fn partition_bounds(&self, column: &str) -> Option<ArrayRef> {
        partition_bounds(column, self.files.iter().map(|file| &file.partition))
    }
}

impl PruningStatistics for FileStatistics<'_> {
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
        if let Some(values) = self.partition_bounds(&column.name) {
            let rows = self.files.iter().map(|file| file.file.row_count);
            let nulls = rows.enumerate().map(|(index, rows)| if values.is_null(index) { rows } else { Some(0) });
            return Some(Arc::new(nulls.collect::<UInt64Array>()));
        }
        Some(Arc::new(self.files.iter().map(|file| file.null_count(&column.name)).collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.files.iter().map(|file| file.file.row_count).collect::<UInt64Array>()))
    }

    #[allow(clippy::mutable_key_type)] // The trait's choice; the values are only looked up.
    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
