//! `cloudtrail_raw`: log files as a table, without ingesting them.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use trailql_source::{Listing, ListingScope, LogFile, list};
use trailql_store::Stores;

use crate::columns::query_schema;
use crate::error::TableError;
use crate::flat::PruningFilters;
use crate::partition_filter::PartitionFilter;
use crate::projection::projection_exprs;
use crate::pruning_report::{Kept, PruningReport};
use crate::raw_pruning::prune_log_files;
use crate::raw_scan::RawScanExec;
use crate::raw_warnings::RawWarnings;

/// Log files as a table with the columns of `cloudtrail_logs`.
///
/// The files are listed once and read by every query. An event that was delivered twice is two rows here: without the
/// lake's ledger, dropping duplicates would mean to remember every event ID of a query. What cannot be read becomes a
/// warning, not an error; whoever runs the query takes the [`warnings`](Self::warnings) afterwards.
#[derive(Debug)]
pub struct RawTable {
    files: Vec<LogFile>,
    warnings: Arc<RawWarnings>,
}

impl RawTable {
    /// Lists the log files at `sources`: files, folders and patterns, here or in buckets.
    pub async fn open(stores: &Stores, sources: &[String]) -> Result<Self, TableError> {
        Ok(Self::from_listing(list(stores, sources, &ListingScope::default()).await?))
    }

    /// What was wrong with the files that queries have read so far, and with those that could not even be listed.
    pub fn warnings(&self) -> Arc<RawWarnings> {
        Arc::clone(&self.warnings)
    }

    /// Number of log files.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    fn from_listing(listing: Listing) -> Self {
        let warnings = RawWarnings::default();
        for (path, error) in listing.unreadable {
            warnings.add(&path, format!("cannot be read: {error}"));
        }
        Self { files: listing.files, warnings: Arc::new(warnings) }
    }
}

#[async_trait]
impl TableProvider for RawTable {
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
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (decided, judged): (Vec<Expr>, Vec<Expr>) = filters.iter().cloned().partition(PartitionFilter::decides);
        let partitions = PartitionFilter::try_new(session, &decided)?;
        let pruning = PruningFilters::try_new(session, &judged)?;
        let predicate = pruning.as_ref().map(|filters| filters.predicate.as_ref());
        let files = prune_log_files(self.files.clone(), partitions.as_ref(), predicate)?;
        let report =
            PruningReport { files: Kept { kept: files.len(), total: self.files.len() }, ..PruningReport::default() };
        let groups = file_groups(files, session.config().target_partitions());
        let projection = projection_exprs(session, projection)?;
        Ok(Arc::new(RawScanExec::try_new(groups, projection, report, self.warnings())?))
    }

    /// Files are skipped by what their keys make possible; the rows still have to be looked at.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

/// Deals the files out by size, in their order: neighbours come from the same day.
fn file_groups(files: Vec<LogFile>, partitions: usize) -> Vec<Arc<[LogFile]>> {
    let count = partitions.min(files.len()).max(1);
    let mut groups: Vec<(u64, Vec<LogFile>)> = vec![(0, Vec::new()); count];
    for file in files {
        if let Some((bytes, group)) = groups.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            // An empty file costs a little, too.
            *bytes += file.size_bytes + 1;
            group.push(file);
        }
    }
    groups.into_iter().map(|(_, group)| group.into()).collect()
}

#[cfg(test)]
mod tests;
