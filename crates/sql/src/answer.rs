//! The rows of one statement, as they come, and what it took to get them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use trailql_dialect::Notice;
use trailql_export::Place;
use trailql_store::{StoreUsage, Stores};

use crate::error::SqlError;
use crate::export::{ExportOptions, Exported, export};
use crate::script::Statement;
use crate::suggest::Names;

/// What a statement answers. Dropping it cancels the query.
pub struct Answer {
    rows_source: Rows,
    plan: Arc<dyn ExecutionPlan>,
    statement: Statement,
    names: Arc<Names>,
    started: Stopwatch,
    rows: u64,
    schema: SchemaRef,
    notices: Vec<Notice>,
}

enum Rows {
    Stream(SendableRecordBatchStream),
    /// What writes the rows elsewhere, until it is done; the answer is their number.
    Export(Option<BoxFuture<'static, Result<Exported, SqlError>>>),
}

impl Answer {
    pub(crate) fn new(
        stream: SendableRecordBatchStream,
        plan: Arc<dyn ExecutionPlan>,
        statement: Statement,
        names: Arc<Names>,
        started: Stopwatch,
    ) -> Self {
        let schema = with_short_names(&stream.schema());
        Self {
            rows_source: Rows::Stream(stream),
            plan,
            statement,
            names,
            started,
            rows: 0,
            schema,
            notices: Vec::new(),
        }
    }

    /// The same with its rows written to `place`, which begins with the first call of [`next`](Self::next).
    pub(crate) fn exported(mut self, stores: Stores, place: Place, options: ExportOptions) -> Self {
        let (plan, statement, names) = (Arc::clone(&self.plan), self.statement.clone(), Arc::clone(&self.names));
        let (started, notices) = (self.started.clone(), std::mem::take(&mut self.notices));
        let work = async move { export(&mut self, &stores, &place, &options).await }.boxed();
        let rows_source = Rows::Export(Some(work));
        Self { rows_source, plan, statement, names, started, rows: 0, schema: Exported::schema(), notices }
    }

    pub(crate) fn with_notices(mut self, notices: Vec<Notice>) -> Self {
        self.notices = notices;
        self
    }

    /// Returns what the statement's author should know about the answer.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// Returns the columns; statements such as `SET` and `CREATE VIEW` have none.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Says whether there is anything to show.
    pub fn has_columns(&self) -> bool {
        !self.schema().fields().is_empty()
    }

    /// Returns the next batch, or `None` at the end.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, SqlError> {
        let stream = match &mut self.rows_source {
            Rows::Stream(stream) => stream,
            Rows::Export(work) => {
                let Some(work) = work.take() else { return Ok(None) };
                let batch = work.await?.batch()?;
                self.rows = 1;
                return Ok(Some(batch));
            }
        };
        match stream.next().await {
            Some(Ok(batch)) => {
                self.rows += batch.num_rows() as u64;
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                let columns = batch.columns().to_vec();
                let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options);
                batch.map(Some).map_err(|error| SqlError::explain(&error.into(), &self.statement, &self.names))
            }
            Some(Err(error)) => Err(SqlError::explain(&error, &self.statement, &self.names)),
            None => Ok(None),
        }
    }

    /// Returns what the query took so far.
    pub fn metrics(&self) -> QueryMetrics {
        let store = self.started.stores.usage().since(&self.started.usage);
        QueryMetrics {
            rows: self.rows,
            bytes_read: bytes_read(self.plan.as_ref()).max(store.bytes_read),
            store,
            elapsed: self.started.time.elapsed(),
        }
    }
}

/// When a statement was given, and what the stores had been asked by then.
#[derive(Clone)]
pub(crate) struct Stopwatch {
    time: Instant,
    stores: Stores,
    usage: StoreUsage,
}

impl Stopwatch {
    pub(crate) fn start(stores: &Stores) -> Self {
        Self { time: Instant::now(), usage: stores.usage(), stores: stores.clone() }
    }
}

/// What a query took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryMetrics {
    /// Rows of the result.
    pub rows: u64,
    /// Bytes that it read from files and buckets.
    pub bytes_read: u64,
    /// What buckets were asked meanwhile.
    pub store: StoreUsage,
    /// Time since the statement was given.
    pub elapsed: Duration,
}

/// Names columns that are members of structs as Athena does: `type` for what DataFusion calls
/// `cloudtrail_logs.useridentity[type]`, or by the whole path where that would make two columns alike.
pub(crate) fn with_short_names(schema: &SchemaRef) -> SchemaRef {
    let paths: Vec<Option<Vec<&str>>> = schema.fields().iter().map(|field| member_path(field.name())).collect();
    if paths.iter().all(Option::is_none) {
        return Arc::clone(schema);
    }
    let short = |index: usize| match &paths[index] {
        Some(path) => path.last().copied().unwrap_or_default(),
        None => schema.field(index).name().as_str(),
    };
    let fields: Vec<_> = (0..paths.len())
        .map(|index| match &paths[index] {
            None => Arc::clone(&schema.fields()[index]),
            Some(path) => {
                let is_alone = (0..paths.len()).all(|other| other == index || short(other) != short(index));
                let name = if is_alone { short(index).to_owned() } else { path.join(".") };
                Arc::new(schema.field(index).clone().with_name(name))
            }
        })
        .collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// Reads `table.column[a][b]` as `column`, `a`, `b`; `None` for any other name.
fn member_path(name: &str) -> Option<Vec<&str>> {
    let (column, members) = name.strip_suffix(']')?.split_once('[')?;
    let column = column.rsplit('.').next()?;
    let path: Vec<&str> = std::iter::once(column).chain(members.split("][")).collect();
    let is_name = |part: &&str| {
        part.starts_with(|c: char| c.is_alphabetic()) && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    path.iter().all(is_name).then_some(path)
}

/// Sums the scans' own counters over the plan.
fn bytes_read(plan: &dyn ExecutionPlan) -> u64 {
    let own = plan.metrics().and_then(|metrics| metrics.sum_by_name("bytes_scanned"));
    let own = own.map_or(0, |value| value.as_usize() as u64);
    own + plan.children().into_iter().map(|child| bytes_read(child.as_ref())).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        let fields: Vec<_> = names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect();
        let schema = with_short_names(&Arc::new(Schema::new(fields)));
        schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    #[test]
    fn members_go_by_their_own_name() {
        assert_eq!(names(&["eventname", "t.useridentity[type]"]), ["eventname", "type"]);
        assert_eq!(names(&["useridentity[sessioncontext][sessionissuer][arn]"]), ["arn"]);
    }

    #[test]
    fn alike_members_go_by_their_path() {
        assert_eq!(
            names(&["t.useridentity[arn]", "t.useridentity[a][arn]"]),
            ["useridentity.arn", "useridentity.a.arn"]
        );
    }

    #[test]
    fn other_names_stay() {
        assert_eq!(names(&["count(t.a[b])", "a[1]", "x]"]), ["count(t.a[b])", "a[1]", "x]"]);
    }
}
