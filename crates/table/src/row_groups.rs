//! Skipping row groups by the statistics and bloom filters of a Parquet file, members of structs included.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use bytes::Bytes;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, Result};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::parquet::{BloomFilterStatistics, ParquetAccessPlan};
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::scalar::ScalarValue;
use object_store::{ObjectMeta, ObjectStore};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::bloom_filter::Sbbf;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::SchemaDescriptor;

use crate::flat::{PruningFilters, flat_schema};
use crate::pages::select_rows;
use crate::partition_values::{PartitionValues, partition_bounds};
use crate::pruning_report::Kept;

/// What of one file may hold a matching row.
#[derive(Debug)]
pub(crate) struct FileAccess {
    /// What the scan reads of the file.
    pub(crate) plan: ParquetAccessPlan,
    /// Row groups that it reads.
    pub(crate) row_groups: Kept,
    /// Rows that it reads of those row groups.
    pub(crate) rows: Kept,
}

/// A file whose footer is to be looked at.
#[derive(Debug, Clone)]
pub(crate) struct FileToPrune {
    /// Where it is and how long.
    pub(crate) meta: ObjectMeta,
    /// What all of its rows share.
    pub(crate) partition: PartitionValues,
    /// How much of its end to read first.
    pub(crate) tail_bytes: usize,
    /// Whether the lake's index has told that its bloom filters admit a match.
    pub(crate) is_told: bool,
}

/// Judges Parquet files by their footers; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct RowGroupPruner {
    filters: PruningFilters,
    store: Arc<dyn ObjectStore>,
    footers: Arc<FileMetadataCache>,
}

impl RowGroupPruner {
    /// `footers` is the cache that the scan itself uses, so that no footer is read twice.
    pub(crate) fn new(filters: PruningFilters, store: Arc<dyn ObjectStore>, footers: Arc<FileMetadataCache>) -> Self {
        Self { filters, store, footers }
    }

    /// Reads the footer of one file and, where that leaves something to decide, bloom filters and page index.
    pub(crate) async fn prune(&self, file: &FileToPrune) -> Result<FileAccess> {
        let FileToPrune { meta, partition, .. } = file;
        let page_index = if file.is_told { PageIndexPolicy::Optional } else { PageIndexPolicy::Skip };
        let footer = self.footer(file, page_index).await?;
        let mut keep = self.filters.predicate.prune(&RowGroupStatistics { footer: &footer, partition })?;
        // Of a file with one row group the index has said all that its filters can say.
        if !(file.is_told && keep.len() == 1) {
            self.check_blooms(meta, &footer, &mut keep).await?;
        }
        let mut plan = ParquetAccessPlan::new_all(keep.len());
        keep.iter().enumerate().filter(|(_, keep)| !**keep).for_each(|(index, _)| plan.skip(index));
        let left: usize =
            keep.iter().enumerate().filter(|(_, keep)| **keep).map(|(index, _)| rows(&footer, index)).sum();
        let mut kept_rows = left;
        if left > 0 {
            // The scan wants it too, but would read and parse it with every query: only what is read here is kept.
            let footer = self.footer(file, PageIndexPolicy::Optional).await?;
            for (index, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
                let Some(selection) = select_rows(&self.filters.pages, &footer, index)? else { continue };
                kept_rows -= rows(&footer, index) - selection.row_count();
                match selection.selects_any() {
                    true => plan.scan_selection(index, selection),
                    false => plan.skip(index),
                }
            }
        }
        let row_groups = Kept { kept: plan.row_group_index_iter().count(), total: keep.len() };
        Ok(FileAccess { plan, row_groups, rows: Kept { kept: kept_rows, total: left } })
    }

    async fn footer(&self, file: &FileToPrune, page_index: PageIndexPolicy) -> Result<Arc<ParquetMetaData>> {
        DFParquetMetadata::new(&self.store, &file.meta)
            .with_metadata_size_hint(Some(file.tail_bytes))
            .with_file_metadata_cache(Some(Arc::clone(&self.footers)))
            .with_page_index_policy(Some(page_index))
            .fetch_metadata()
            .await
    }

    /// Clears `keep` for the row groups whose bloom filters rule the searched values out.
    async fn check_blooms(&self, file: &ObjectMeta, footer: &ParquetMetaData, keep: &mut [bool]) -> Result<()> {
        let wanted = self.wanted_blooms(footer, keep);
        let ranges: Vec<Range<u64>> = wanted.iter().map(|bloom| bloom.range.clone()).collect();
        if ranges.is_empty() {
            return Ok(());
        }
        let bytes: Vec<Bytes> = self.store.get_ranges(&file.location, &ranges).await?;
        let mut blooms = wanted.into_iter().zip(bytes).peekable();
        while let Some((first, _)) = blooms.peek() {
            let row_group = first.row_group;
            let mut statistics = BloomFilterStatistics::new();
            while let Some((bloom, bytes)) = blooms.next_if(|(bloom, _)| bloom.row_group == row_group) {
                // A filter that cannot be read rules nothing out.
                let Ok(filter) = Sbbf::from_bytes(&bytes) else { continue };
                let column = footer.file_metadata().schema_descr().column(bloom.leaf);
                statistics.insert(bloom.column, filter, column.physical_type(), column.type_length());
            }
            keep[row_group] = self.filters.predicate.prune(&statistics)?.into_iter().all(|keep| keep);
        }
        Ok(())
    }

    /// The bloom filters to read: of the row groups left, for the columns that are searched for a value.
    fn wanted_blooms(&self, footer: &ParquetMetaData, keep: &[bool]) -> Vec<WantedBloom> {
        let schema = footer.file_metadata().schema_descr();
        let searched = self.filters.predicate.literal_columns().into_iter();
        let columns: Vec<(String, usize)> =
            searched.filter_map(|column| leaf_index(schema, &column).map(|leaf| (column, leaf))).collect();
        let mut wanted = Vec::new();
        for (row_group, _) in keep.iter().enumerate().filter(|(_, keep)| **keep) {
            for (column, leaf) in &columns {
                if let Some(range) = bloom_range(footer.row_group(row_group), *leaf) {
                    wanted.push(WantedBloom { row_group, column: column.clone(), leaf: *leaf, range });
                }
            }
        }
        wanted
    }
}

/// Where the bloom filter of a column of a row group is.
struct WantedBloom {
    row_group: usize,
    column: String,
    leaf: usize,
    range: Range<u64>,
}

/// `None` without a filter, and for old writers that do not state its length.
fn bloom_range(row_group: &RowGroupMetaData, leaf: usize) -> Option<Range<u64>> {
    let chunk = row_group.column(leaf);
    let start = u64::try_from(chunk.bloom_filter_offset()?).ok()?;
    let length = u64::try_from(chunk.bloom_filter_length()?).ok()?;
    Some(start..start.checked_add(length)?)
}

/// Rows of a row group.
fn rows(footer: &ParquetMetaData, row_group: usize) -> usize {
    usize::try_from(footer.row_group(row_group).num_rows()).unwrap_or_default()
}

/// Index of the Parquet leaf behind a flat column; `None` for lists and for columns the file lacks.
pub(crate) fn leaf_index(schema: &SchemaDescriptor, column: &str) -> Option<usize> {
    let is_it = |path: &[String]| path.iter().map(String::as_str).eq(column.split('.'));
    schema.columns().iter().position(|leaf| leaf.max_rep_level() == 0 && is_it(leaf.path().parts()))
}

/// One container per row group.
struct RowGroupStatistics<'a> {
    footer: &'a ParquetMetaData,
    partition: &'a PartitionValues,
}

impl RowGroupStatistics<'_> {
    fn partition_bounds(&self, column: &Column) -> Option<ArrayRef> {
        partition_bounds(&column.name, std::iter::repeat_n(self.partition, self.num_containers()))
    }

    fn convert(
        &self,
        column: &str,
        read: impl FnOnce(&StatisticsConverter<'_>, &[RowGroupMetaData]) -> Option<ArrayRef>,
    ) -> Option<ArrayRef> {
        let parquet = self.footer.file_metadata().schema_descr();
        let schema = flat_schema();
        let leaf = leaf_index(parquet, column)?;
        let field = schema.field_with_name(column).ok()?;
        let converter =
            StatisticsConverter::from_column_index(leaf, field, parquet).ok()?.with_missing_null_counts_as_zero(false);
        read(&converter, self.footer.row_groups())
    }
}

impl PruningStatistics for RowGroupStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.partition_bounds(column)
            .or_else(|| self.convert(&column.name, |converter, row_groups| converter.row_group_mins(row_groups).ok()))
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.partition_bounds(column)
            .or_else(|| self.convert(&column.name, |converter, row_groups| converter.row_group_maxes(row_groups).ok()))
    }

    fn num_containers(&self) -> usize {
        self.footer.num_row_groups()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        self.convert(&column.name, |converter, row_groups| {
            converter.row_group_null_counts(row_groups).ok().map(|counts| Arc::new(counts) as ArrayRef)
        })
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.footer.row_groups().iter().map(|row_group| u64::try_from(row_group.num_rows()).ok());
        Some(Arc::new(rows.collect::<UInt64Array>()))
    }

    #[allow(clippy::mutable_key_type)] // The trait's choice; the values are only looked up.
    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
