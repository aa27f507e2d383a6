//! `cloudtrail_logs`: the lake as a table.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::{DataSource, DataSourceExec};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_optimizer::pruning::PruningPredicate;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::scalar::ScalarValue;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use trailql_event::UTC;
use trailql_lake::{Lake, Snapshot};

use crate::bloom_search::{BloomSearch, MIN_FILES};
use crate::columns::{file_schema, partition_fields, query_schema, stored_schema};
use crate::counted_store::CountedStore;
use crate::file_pruning::prune_files;
use crate::flat::PruningFilters;
use crate::lake_file::{Bound, LakeFile};
use crate::partition_filter::PartitionFilter;
use crate::projection::projection_exprs;
use crate::pruning_report::{Kept, PruningReport};
use crate::row_groups::{FileAccess, RowGroupPruner};
use crate::scan_source::LakeScan;

/// How many footers are read at once while planning; each is one or two small requests to the store.
const CONCURRENT_FOOTERS: usize = 48;

/// How many files of a lake in a bucket are read at once: waiting for answers takes no cores.
const CONCURRENT_REMOTE_FILES: usize = 16;

/// One version of a lake as a DataFusion table.
///
/// A scan is planned in four steps, each on what the one before it left: files by their partition values, files by
/// the statistics of the Delta log, files by the lake's index of bloom filters, row groups by the statistics and bloom
/// filters of the Parquet footers. DataFusion's own Parquet scan then skips pages and rows.
#[derive(Debug)]
pub struct LakeTable {
    files: Vec<LakeFile>,
    store: Arc<dyn ObjectStore>,
    store_url: ObjectStoreUrl,
    is_remote: bool,
    /// For its index; `None` where there are files only.
    lake: Option<Lake>,
}

impl LakeTable {
    /// The lake as of its last open, refresh or commit.
    pub fn new(lake: &Lake) -> Self {
        let table = Self::from_snapshot(lake.url().as_str(), lake.store(), &lake.snapshot());
        Self { is_remote: lake.url().scheme() != "file", lake: Some(lake.clone()), ..table }
    }

    /// The files of a snapshot, whose paths are relative to `store`; `name` tells stores of one session apart.
    pub(crate) fn from_snapshot(name: &str, store: Arc<dyn ObjectStore>, snapshot: &Snapshot) -> Self {
        let mut files: Vec<LakeFile> = snapshot.files.iter().cloned().map(LakeFile::new).collect();
        files.sort_by(|a, b| a.file.path.cmp(&b.file.path));
        Self { files, store, store_url: store_url(name), is_remote: false, lake: None }
    }

    /// The files whose partition values and statistics admit a matching row.
    fn prune_files(
        &self,
        partitions: Option<&PartitionFilter>,
        predicate: Option<&PruningPredicate>,
    ) -> Result<Vec<&LakeFile>> {
        let mut files: Vec<&LakeFile> = self.files.iter().collect();
        if let Some(filter) = partitions {
            let values = files.iter().map(|file| (file.file.region.as_deref(), file.file.date));
            let passes = filter.passes(values)?;
            files = files.into_iter().zip(passes).filter_map(|(file, passes)| passes.then_some(file)).collect();
        }
        match predicate {
            Some(predicate) if !files.is_empty() => prune_files(predicate, files),
            _ => Ok(files),
        }
    }

    /// The files whose bloom filters admit a matching row, as far as the lake's index tells and where it is worth reading;
    /// with each file, whether the index has told.
    async fn prune_by_index<'a>(
        &self,
        store: &Arc<dyn ObjectStore>,
        predicate: &PruningPredicate,
        files: Vec<&'a LakeFile>,
    ) -> Result<Vec<(&'a LakeFile, bool)>> {
        let untold = |files: Vec<&'a LakeFile>| Ok(files.into_iter().map(|file| (file, false)).collect());
        let (Some(lake), Some(search)) = (&self.lake, BloomSearch::of(predicate)) else { return untold(files) };
        if files.len() < MIN_FILES {
            return untold(files);
        }
        let index = lake.bloom_index().await.map_err(|error| DataFusionError::External(error.into()))?;
        if !search.pays(index, &files) {
            return untold(files);
        }
        let can_match = search.ask(index, Arc::clone(store)).await?;
        let told = files.into_iter().map(|file| (file, can_match.get(&file.file.path)));
        Ok(told.filter(|(_, told)| *told != Some(&false)).map(|(file, told)| (file, told.is_some())).collect())
    }

    /// Looks into the footers of `files`; a file without a row group left is dropped.
    async fn prune_row_groups<'a>(
        &self,
        session: &dyn Session,
        store: Arc<dyn ObjectStore>,
        filters: PruningFilters,
        files: Vec<(&'a LakeFile, bool)>,
        report: &mut PruningReport,
    ) -> Result<Vec<(&'a LakeFile, FileAccess)>> {
        let footers = session.runtime_env().cache_manager.get_file_metadata_cache();
        let pruner = RowGroupPruner::new(filters, store, footers);
        // Tasks of their own, since decoding footers is work for all cores.
        let tasks: Vec<_> = files.iter().map(|(file, is_told)| (pruner.clone(), file.to_prune(*is_told))).collect();
        let accesses: Vec<FileAccess> = futures::stream::iter(tasks)
            .map(|(pruner, file)| SpawnedTask::spawn(async move { pruner.prune(&file).await }).join())
            .buffered(CONCURRENT_FOOTERS)
            .map(|joined| joined.unwrap_or_else(|error| Err(DataFusionError::ExecutionJoin(Box::new(error)))))
            .try_collect()
            .await?;
        report.row_groups = Some(accesses.iter().map(|access| access.row_groups).sum());
        let rows: Kept = accesses.iter().map(|access| access.rows).sum();
        report.rows = (rows.kept < rows.total).then_some(rows);
        let accesses = files.into_iter().map(|(file, _)| file).zip(accesses);
        Ok(accesses.filter(|(_, access)| access.row_groups.kept > 0).collect())
    }

    /// What a scan reads from, where it is counted and where it is not.
    fn store_of(&self, counted: &Option<CountedStore>) -> Arc<dyn ObjectStore> {
        match counted {
            Some(counted) => Arc::new(counted.clone()),
            None => Arc::clone(&self.store),
        }
    }

    /// DataFusion's Parquet scan over the files left, with all stored columns.
    fn scan_config(
        &self,
        session: &dyn Session,
        counted: Option<CountedStore>,
        files: Vec<PartitionedFile>,
        statistics: Statistics,
        limit: Option<usize>,
        is_pruned: bool,
    ) -> FileScanConfig {
        let runtime = session.runtime_env();
        runtime.register_object_store(self.store_url.as_ref(), Arc::clone(&self.store));
        let footers = runtime.cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(self.store_of(&counted), footers);
        let schema = TableSchema::builder(file_schema()).with_table_partition_cols(partition_fields()).build();
        let mut options =
            TableParquetOptions { global: session.config_options().execution.parquet.clone(), ..Default::default() };
        // What a filter says of them was asked while planning.
        options.global.bloom_filter_on_read &= !is_pruned;
        let source = ParquetSource::new(schema)
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(readers));
        let mut partitions = session.config().target_partitions();
        if let Some(counted) = counted {
            counted.show_in(source.metrics());
            partitions = partitions.max(CONCURRENT_REMOTE_FILES);
        }
        FileScanConfigBuilder::new(self.store_url.clone(), Arc::new(source))
            .with_file_groups(file_groups(files, partitions))
            .with_statistics(statistics)
            .with_limit(limit)
            .build()
    }
}

#[async_trait]
impl TableProvider for LakeTable {
    fn schema(&self) -> SchemaRef {
        query_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (exact, inexact): (Vec<Expr>, Vec<Expr>) = filters.iter().cloned().partition(PartitionFilter::decides);
        let partitions = PartitionFilter::try_new(session, &exact)?;
        let pruning = PruningFilters::try_new(session, &inexact)?;
        let predicate = pruning.as_ref().map(|filters| filters.predicate.as_ref());
        let files = self.prune_files(partitions.as_ref(), predicate)?;
        let statistics = table_statistics(&files);
        let counted = self.is_remote.then(|| CountedStore::new(Arc::clone(&self.store)));
        let (mut report, is_pruned) = (PruningReport::default(), pruning.is_some());
        let (files, statistics) = match pruning {
            Some(filters) => {
                let store = self.store_of(&counted);
                let files = self.prune_by_index(&store, &filters.predicate, files).await?;
                let accesses = self.prune_row_groups(session, store, filters, files, &mut report).await?;
                let files = accesses.into_iter().map(|(file, access)| partitioned(file, Some(access))).collect();
                (files, statistics.to_inexact())
            }
            None => (files.into_iter().map(|file| partitioned(file, None)).collect::<Vec<_>>(), statistics),
        };
        report.files = Kept { kept: files.len(), total: self.files.len() };
        let scan = LakeScan::new(self.scan_config(session, counted, files, statistics, limit, is_pruned), report);
        let projected = scan.try_swapping_with_projection(&projection_exprs(session, projection)?)?;
        Ok(Arc::new(DataSourceExec::new(projected.unwrap_or_else(|| Arc::new(scan)))))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match PartitionFilter::decides(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(support).collect())
    }

    fn statistics(&self) -> Option<Statistics> {
        None
    }
}

/// A URL by which the session finds the lake's store; nobody sees it.
fn store_url(name: &str) -> ObjectStoreUrl {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let url = format!("trailql-lake://{:016x}", hasher.finish());
    ObjectStoreUrl::parse(url).expect("a scheme and a hexadecimal host are a URL")
}

/// What the scan yields before filters; exact row counts answer `count(*)` without reading a file.
fn table_statistics(files: &[&LakeFile]) -> Statistics {
    let rows: Option<u64> = files.iter().map(|file| file.file.row_count).sum();
    let bytes: u64 = files.iter().map(|file| file.file.size_bytes).sum();
    Statistics {
        num_rows: rows.and_then(|rows| usize::try_from(rows).ok()).map_or(Precision::Absent, Precision::Exact),
        total_byte_size: Precision::Inexact(usize::try_from(bytes).unwrap_or(usize::MAX)),
        column_statistics: Statistics::unknown_column(&stored_schema()),
    }
}

fn partitioned(file: &LakeFile, access: Option<FileAccess>) -> PartitionedFile {
    let values = vec![ScalarValue::Utf8View(file.file.region.clone()), ScalarValue::Date32(file.file.date)];
    let mut partitioned = PartitionedFile::new_from_meta(file.object_meta())
        .with_metadata_size_hint(file.footer_bytes())
        .with_partition_values(values);
    partitioned.statistics = Some(Arc::new(file_statistics(file)));
    match access {
        Some(access) if access.row_groups.kept < access.row_groups.total || access.rows.kept < access.rows.total => {
            partitioned.with_extension(access.plan)
        }
        _ => partitioned,
    }
}

/// Bounds of `eventtime`, by which `ORDER BY eventtime DESC LIMIT n` reads the newest files first and skips the rest.
fn file_statistics(file: &LakeFile) -> Statistics {
    let schema = stored_schema();
    let mut columns = Statistics::unknown_column(&schema);
    let micros = |bound| ScalarValue::TimestampMicrosecond(file.event_time_bound(bound), Some(UTC.into()));
    let exact = |value: ScalarValue| if value.is_null() { Precision::Absent } else { Precision::Exact(value) };
    if let Ok(index) = schema.index_of("eventtime") {
        let nulls = file.null_count("eventtime").and_then(|count| usize::try_from(count).ok());
        columns[index] = ColumnStatistics {
            min_value: exact(micros(Bound::Min)),
            max_value: exact(micros(Bound::Max)),
            null_count: nulls.map_or(Precision::Absent, Precision::Exact),
            ..ColumnStatistics::new_unknown()
        };
    }
    let rows = file.file.row_count.and_then(|rows| usize::try_from(rows).ok());
    Statistics {
        num_rows: rows.map_or(Precision::Absent, Precision::Exact),
        total_byte_size: Precision::Absent,
        column_statistics: columns,
    }
}

/// Deals the files out by size, largest first; at least one group, as a plan needs a partition to run.
fn file_groups(mut files: Vec<PartitionedFile>, partitions: usize) -> Vec<FileGroup> {
    let count = partitions.min(files.len()).max(1);
    let mut groups: Vec<(u64, FileGroup)> = (0..count).map(|_| (0, FileGroup::new(Vec::new()))).collect();
    files.sort_by(|a, b| b.object_meta.size.cmp(&a.object_meta.size).then_with(|| a.path().cmp(b.path())));
    for file in files {
        if let Some((bytes, group)) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            *bytes += file.object_meta.size;
            group.push(file);
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

#[cfg(test)]
mod tests;
