//! Skipping pages by the page index, for members of structs.
//!
//! Ingest sorts the rows of a file by caller, so the rows of one ARN or access key stand in one or two pages of a row
//! group. DataFusion itself selects pages by plain columns, while it opens a file.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, Result};
use datafusion::physical_optimizer::pruning::PruningPredicate;
use datafusion::scalar::ScalarValue;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use parquet::file::metadata::ParquetMetaData;

use crate::flat::flat_schema;
use crate::row_groups::leaf_index;

/// A filter on one struct member alone, which is what the pages of one column can answer.
#[derive(Debug, Clone)]
pub(crate) struct PageFilter {
    /// Flat name of the member.
    pub(crate) column: String,
    /// The filter.
    pub(crate) predicate: Arc<PruningPredicate>,
}

/// The rows of a row group that may pass all `filters`; `None` where the page index rules no page out.
pub(crate) fn select_rows(
    filters: &[PageFilter],
    footer: &ParquetMetaData,
    row_group: usize,
) -> Result<Option<RowSelection>> {
    let mut selected: Option<RowSelection> = None;
    for filter in filters {
        let Some(pages) = PageStatistics::read(&filter.column, footer, row_group) else { continue };
        let keep = filter.predicate.prune(&pages)?;
        if keep.iter().all(|keep| *keep) {
            continue;
        }
        let selection: RowSelection = keep.into_iter().zip(pages.rows.values().iter()).map(selector).collect();
        selected = Some(match selected {
            Some(before) => before.intersection(&selection),
            None => selection,
        });
    }
    Ok(selected)
}

fn selector((keep, rows): (bool, &u64)) -> RowSelector {
    // A row group is counted in 64 bits by the format and in memory by everything else.
    let rows = usize::try_from(*rows).unwrap_or(usize::MAX);
    if keep { RowSelector::select(rows) } else { RowSelector::skip(rows) }
}

/// One container per page of one column of one row group.
struct PageStatistics<'a> {
    column: &'a str,
    mins: Option<ArrayRef>,
    maxes: Option<ArrayRef>,
    nulls: Option<UInt64Array>,
    rows: UInt64Array,
}

impl<'a> PageStatistics<'a> {
    /// `None` without a page index for the column.
    fn read(column: &'a str, footer: &ParquetMetaData, row_group: usize) -> Option<Self> {
        let parquet = footer.file_metadata().schema_descr();
        let leaf = leaf_index(parquet, column)?;
        let (bounds, places) = (footer.column_index()?, footer.offset_index()?);
        let pages = places.get(row_group)?.get(leaf)?.page_locations();
        bounds.get(row_group)?.get(leaf)?;
        if pages.is_empty() {
            return None;
        }
        let schema = flat_schema();
        let field = schema.field_with_name(column).ok()?;
        let converter = StatisticsConverter::from_column_index(leaf, field, parquet).ok()?;
        let chosen = [row_group];
        Some(Self {
            column,
            mins: converter.data_page_mins(bounds, places, &chosen).ok(),
            maxes: converter.data_page_maxes(bounds, places, &chosen).ok(),
            nulls: converter.data_page_null_counts(bounds, places, &chosen).ok(),
            rows: converter.data_page_row_counts(places, footer.row_groups(), &chosen).ok()??,
        })
    }

    fn of(&self, column: &Column, values: &Option<ArrayRef>) -> Option<ArrayRef> {
        if column.name == self.column { values.clone() } else { None }
    }
}

impl PruningStatistics for PageStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column, &self.mins)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.of(column, &self.maxes)
    }

    fn num_containers(&self) -> usize {
        self.rows.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let nulls = self.nulls.clone().map(|nulls| Arc::new(nulls) as ArrayRef);
        self.of(column, &nulls)
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.rows.clone()))
    }

    #[allow(clippy::mutable_key_type)] // The trait's choice; the values are only looked up.
    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
