//! The rows of one statement, as they come, and what it took to get them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use futures::StreamExt;

use crate::error::SqlError;
use crate::script::Statement;
use crate::suggest::Names;

/// What a statement answers. Dropping it cancels the query.
pub struct Answer {
    stream: SendableRecordBatchStream,
    plan: Arc<dyn ExecutionPlan>,
    statement: Statement,
    names: Arc<Names>,
    started: Instant,
    rows: u64,
}

impl Answer {
    pub(crate) fn new(
        stream: SendableRecordBatchStream,
        plan: Arc<dyn ExecutionPlan>,
        statement: Statement,
        names: Arc<Names>,
        started: Instant,
    ) -> Self {
        Self { stream, plan, statement, names, started, rows: 0 }
    }

    /// Returns the columns; statements such as `SET` and `CREATE VIEW` have none.
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// Says whether there is anything to show.
    pub fn has_columns(&self) -> bool {
        !self.schema().fields().is_empty()
    }

    /// Returns the next batch, or `None` at the end.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, SqlError> {
        match self.stream.next().await {
            Some(Ok(batch)) => {
                self.rows += batch.num_rows() as u64;
                Ok(Some(batch))
            }
            Some(Err(error)) => Err(SqlError::explain(&error, &self.statement, &self.names)),
            None => Ok(None),
        }
    }

    /// Returns what the query took so far.
    pub fn metrics(&self) -> QueryMetrics {
        QueryMetrics { rows: self.rows, bytes_read: bytes_read(self.plan.as_ref()), elapsed: self.started.elapsed() }
    }
}

/// What a query took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryMetrics {
    /// Rows of the result.
    pub rows: u64,
    /// Bytes that its scans read from files.
    pub bytes_read: u64,
    /// Time since the statement was given.
    pub elapsed: Duration,
}

/// Sums the scans' own counters over the plan.
fn bytes_read(plan: &dyn ExecutionPlan) -> u64 {
    let own = plan.metrics().and_then(|metrics| metrics.sum_by_name("bytes_scanned"));
    let own = own.map_or(0, |value| value.as_usize() as u64);
    own + plan.children().into_iter().map(|child| bytes_read(child.as_ref())).sum::<u64>()
}
