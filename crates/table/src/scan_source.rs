//! The scan of the lake as a plan shows it: DataFusion's own Parquet scan, plus what was skipped while planning.

use std::any::Any;
use std::fmt::{self, Formatter};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::Statistics;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::{DataSource, OpenArgs};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::SchedulingType;
use datafusion::physical_plan::filter_pushdown::FilterPushdownPropagation;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, SortOrderPushdownResult};

use crate::pruning_report::PruningReport;

/// A [`FileScanConfig`] that names its [`PruningReport`] in `EXPLAIN`; everything else is passed on.
#[derive(Debug, Clone)]
pub(crate) struct LakeScan {
    inner: Arc<dyn DataSource>,
    report: Arc<PruningReport>,
}

impl LakeScan {
    pub(crate) fn new(scan: FileScanConfig, report: PruningReport) -> Self {
        Self { inner: Arc::new(scan), report: Arc::new(report) }
    }

    /// Wraps what became of the inner scan.
    fn wrap(&self, inner: Arc<dyn DataSource>) -> Arc<dyn DataSource> {
        Arc::new(Self { inner, report: Arc::clone(&self.report) })
    }

    fn config(&self) -> Option<&FileScanConfig> {
        self.inner.downcast_ref::<FileScanConfig>()
    }

    /// One line: report, projection, limit, and the predicate as the Parquet scan words it.
    ///
    /// The list of files is left to `EXPLAIN VERBOSE`: it is long and tells nobody anything.
    fn fmt_line(&self, t: DisplayFormatType, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.report)?;
        let Some(config) = self.config() else { return Ok(()) };
        if let Some(projection) = config.file_source().projection() {
            let columns: Vec<String> = projection.iter().map(projected).collect();
            write!(f, ", projection=[{}]", columns.join(", "))?;
        }
        if let Some(limit) = config.limit {
            write!(f, ", limit={limit}")?;
        }
        config.file_source().fmt_extra(t, f)
    }
}

fn projected(column: &ProjectionExpr) -> String {
    let is_itself = column.expr.downcast_ref::<Column>().is_some_and(|stored| stored.name() == column.alias);
    if is_itself { column.alias.clone() } else { format!("{} as {}", column.expr, column.alias) }
}

impl DataSource for LakeScan {
    fn open(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.inner.open(partition, context)
    }

    fn fmt_as(&self, t: DisplayFormatType, f: &mut Formatter<'_>) -> fmt::Result {
        match t {
            DisplayFormatType::Default => self.fmt_line(t, f),
            DisplayFormatType::Verbose => {
                write!(f, "{}, ", self.report)?;
                self.inner.fmt_as(t, f)
            }
            DisplayFormatType::TreeRender => {
                writeln!(f, "{}", self.report)?;
                self.config().map_or(Ok(()), |config| config.file_source().fmt_extra(t, f))
            }
        }
    }

    fn repartitioned(
        &self,
        target_partitions: usize,
        repartition_file_min_size: usize,
        output_ordering: Option<LexOrdering>,
    ) -> Result<Option<Arc<dyn DataSource>>> {
        let inner = self.inner.repartitioned(target_partitions, repartition_file_min_size, output_ordering)?;
        Ok(inner.map(|inner| self.wrap(inner)))
    }

    fn output_partitioning(&self) -> Partitioning {
        self.inner.output_partitioning()
    }

    fn eq_properties(&self) -> EquivalenceProperties {
        self.inner.eq_properties()
    }

    fn scheduling_type(&self) -> SchedulingType {
        self.inner.scheduling_type()
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        self.inner.partition_statistics(partition)
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn DataSource>> {
        self.inner.with_fetch(limit).map(|inner| self.wrap(inner))
    }

    fn fetch(&self) -> Option<usize> {
        self.inner.fetch()
    }

    fn metrics(&self) -> ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn try_swapping_with_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn DataSource>>> {
        Ok(self.inner.try_swapping_with_projection(projection)?.map(|inner| self.wrap(inner)))
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn DataSource>>> {
        let mut pushed = self.inner.try_pushdown_filters(filters, config)?;
        pushed.updated_node = pushed.updated_node.map(|inner| self.wrap(inner));
        Ok(pushed)
    }

    fn try_pushdown_sort(&self, order: &[PhysicalSortExpr]) -> Result<SortOrderPushdownResult<Arc<dyn DataSource>>> {
        Ok(self.inner.try_pushdown_sort(order)?.map(|inner| self.wrap(inner)))
    }

    fn with_preserve_order(&self, preserve_order: bool) -> Option<Arc<dyn DataSource>> {
        self.inner.with_preserve_order(preserve_order).map(|inner| self.wrap(inner))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }

    fn with_new_state(&self, state: Arc<dyn Any + Send + Sync>) -> Option<Arc<dyn DataSource>> {
        self.inner.with_new_state(state).map(|inner| self.wrap(inner))
    }

    fn create_sibling_state(&self, config: &ConfigOptions) -> Option<Arc<dyn Any + Send + Sync>> {
        self.inner.create_sibling_state(config)
    }

    fn open_with_args(&self, args: OpenArgs) -> Result<SendableRecordBatchStream> {
        self.inner.open_with_args(args)
    }
}
