//! Reading log files as part of a query, several at once, each in bounded memory.

use std::collections::VecDeque;
use std::fmt::{self, Formatter};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch, RecordBatchOptions, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions};
use tokio::sync::mpsc::Sender;
use trailql_event::{Damage, Decoder, FileAccount, UNKNOWN_REGION};
use trailql_source::{LogFile, OpenFile, Opening, ReadAhead, ReadError, Unpacker};

use crate::columns::stored_schema;
use crate::lake_file::MICROS_PER_DAY;
use crate::pruning_report::PruningReport;
use crate::raw_warnings::RawWarnings;

/// Batches that may wait for the query, per execution partition.
const QUEUED_BATCHES: usize = 2;

/// Files of a bucket that are fetched ahead, per execution partition.
const FILES_AHEAD: usize = 64;

/// Longest region that is a partition value, as when ingesting.
const MAX_REGION_BYTES: usize = 64;

/// A scan of log files that were never ingested.
#[derive(Debug)]
pub(crate) struct RawScanExec {
    /// Files per execution partition.
    groups: Vec<Arc<[LogFile]>>,
    projection: Arc<ProjectionExprs>,
    report: PruningReport,
    warnings: Arc<RawWarnings>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RawScanExec {
    pub(crate) fn try_new(
        groups: Vec<Arc<[LogFile]>>,
        projection: ProjectionExprs,
        report: PruningReport,
        warnings: Arc<RawWarnings>,
    ) -> Result<Self> {
        let schema = Arc::new(projection.project_schema(&stored_schema())?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(groups.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        let (projection, properties) = (Arc::new(projection), Arc::new(properties));
        Ok(Self { groups, projection, report, warnings, properties, metrics: ExecutionPlanMetricsSet::new() })
    }
}

impl DisplayAs for RawScanExec {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut Formatter<'_>) -> fmt::Result {
        match t {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                let columns: Vec<&str> = self.projection.iter().map(|column| column.alias.as_str()).collect();
                write!(f, "RawScanExec: {}, projection=[{}]", self.report, columns.join(", "))
            }
            DisplayFormatType::TreeRender => writeln!(f, "{}", self.report),
        }
    }
}

impl ExecutionPlan for RawScanExec {
    fn name(&self) -> &str {
        "RawScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for column in self.projection.iter() {
            if f(&column.expr)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(files) = self.groups.get(partition).map(Arc::clone) else {
            return exec_err!("no execution partition {partition} in a scan of log files");
        };
        let mut stream = RecordBatchReceiverStreamBuilder::new(self.schema(), QUEUED_BATCHES);
        let reader = Reader {
            schema: self.schema(),
            projection: Arc::clone(&self.projection),
            warnings: Arc::clone(&self.warnings),
            batches: stream.tx(),
            bytes_scanned: MetricBuilder::new(&self.metrics).counter("bytes_scanned", partition),
            output_rows: MetricBuilder::new(&self.metrics).output_rows(partition),
        };
        stream.spawn_blocking(move || reader.read_all(&files));
        Ok(stream.build())
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// The thread of one execution partition.
struct Reader {
    schema: SchemaRef,
    projection: Arc<ProjectionExprs>,
    warnings: Arc<RawWarnings>,
    batches: Sender<Result<RecordBatch>>,
    bytes_scanned: Count,
    output_rows: Count,
}

/// The query wants no more rows.
struct Enough;

impl Reader {
    fn read_all(&self, files: &[LogFile]) -> Result<()> {
        let (mut unpacker, mut decoder) = (Unpacker::new(), Decoder::new());
        let ahead = ReadAhead::new();
        let mut unopened = files.iter().map(|file| ahead.open(file.clone()));
        let mut opened: VecDeque<OpenFile> = unopened.by_ref().take(FILES_AHEAD).collect();
        while let Some(OpenFile { file, opening }) = opened.pop_front() {
            opened.extend(unopened.next());
            self.read(&file, opening, &mut unpacker, &mut decoder)?;
            if self.send(decoder.take_batches())?.is_err() {
                return Ok(());
            }
        }
        let rest = decoder.finish().map_err(external)?;
        // There is nothing left to stop.
        self.send(rest)?.or(Ok(()))
    }

    /// Decodes one file; what is wrong with it becomes a warning, and the rows before it count.
    fn read(&self, file: &LogFile, opening: Opening, unpacker: &mut Unpacker, decoder: &mut Decoder) -> Result<()> {
        decoder.begin(&file.name);
        // A large file fills many batches before it ends; once the query has enough, the rest of it is skipped over.
        let mut failure = None;
        let mut stopped = false;
        let outcome = unpacker.read(opening, &mut |window, last| {
            if stopped {
                return Ok(window.len());
            }
            let taken = decoder.feed(window, last)?;
            match self.send(decoder.take_batches()) {
                Ok(Ok(())) => {}
                Ok(Err(Enough)) => stopped = true,
                Err(error) => {
                    failure = Some(error);
                    stopped = true;
                }
            }
            Ok(taken)
        });
        let account = decoder.end();
        self.bytes_scanned.add(usize::try_from(file.size_bytes).unwrap_or(usize::MAX));
        let rejects = decoder.take_rejects();
        let mut reasons = Vec::new();
        if let Err::<(), ReadError<Damage>>(error) = outcome {
            // The files behind it would fare no better.
            if error.is_store_gone() {
                return Err(exec_datafusion_err!("{} {error}", file.name));
            }
            reasons.push(error.to_string());
        }
        if let Some(first) = rejects.first() {
            let FileAccount { rejected, records, .. } = account;
            reasons.push(format!(
                "{rejected} of {records} records are no events: record {} {}",
                first.record, first.reason
            ));
        }
        if account.untimed > 0 {
            reasons.push(format!("{} events without a readable time (their eventtime is NULL)", account.untimed));
        }
        if !reasons.is_empty() {
            self.warnings.add(&file.name, reasons.join("; "));
        }
        failure.map_or(Ok(()), Err)
    }

    fn send(&self, batches: Vec<trailql_event::DecodedBatch>) -> Result<Result<(), Enough>> {
        for batch in batches {
            let projected = self.project(&stored_columns(&batch.rows)?)?;
            self.output_rows.add(projected.num_rows());
            if self.batches.blocking_send(Ok(projected)).is_err() {
                return Ok(Err(Enough));
            }
        }
        Ok(Ok(()))
    }

    fn project(&self, stored: &RecordBatch) -> Result<RecordBatch> {
        let rows = stored.num_rows();
        let column = |column: Arc<dyn PhysicalExpr>| column.evaluate(stored)?.into_array(rows);
        let columns = self.projection.expr_iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

/// Adds the partition columns to decoded rows, and turns text to the table's type.
fn stored_columns(rows: &RecordBatch) -> Result<RecordBatch> {
    let schema = stored_schema();
    let event_columns = rows.columns().iter().zip(schema.fields());
    let mut columns = event_columns
        .map(|(column, field)| match column.data_type() == field.data_type() {
            true => Ok(Arc::clone(column)),
            false => cast(column, field.data_type()),
        })
        .collect::<Result<Vec<ArrayRef>, _>>()?;
    columns.push(regions(&rows["awsregion"]));
    columns.push(dates(&rows["eventtime"]));
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// The partition value `region`, by the rule of ingest.
fn regions(regions: &ArrayRef) -> ArrayRef {
    let usable = |region: &&str| (1..=MAX_REGION_BYTES).contains(&region.len());
    let mut values = StringViewBuilder::with_capacity(regions.len());
    for region in regions.as_string::<i32>() {
        values.append_value(region.filter(usable).unwrap_or(UNKNOWN_REGION));
    }
    Arc::new(values.finish())
}

/// The partition value `date`.
fn dates(times: &ArrayRef) -> ArrayRef {
    let times = times.as_primitive::<TimestampMicrosecondType>().iter();
    let dates = times.map(|time| time.and_then(|micros| i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok()));
    Arc::new(dates.collect::<Date32Array>())
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
