//! A folder for each value of some columns, named as Hive does: `region=eu-west-1/date=2024-03-01/data.csv`.
//!
//! The rows come sorted by these columns, so that one file is open at a time however many there are.

use std::fmt::Write as _;

use arrow::array::{Array, ArrayRef};
use arrow::compute::partition;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow::util::display::{ArrayFormatter, FormatOptions as ArrayFormat};
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, SortExpr};
use trailql_export::{Folder, Output};

use super::encoding::Encoding;
use super::{DATA_FILE, ExportOptions};
use crate::answer::{Answer, with_short_names};
use crate::error::SqlError;
use crate::format::FormatError;
use crate::parameter::BindError;

/// What Hive calls the folder of NULL.
const NULL_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";

/// Sorts a query by the columns of its partitions, and by its own order within them.
pub(crate) fn arrange(plan: LogicalPlan, columns: &[String]) -> Result<LogicalPlan, BindError> {
    if columns.is_empty() {
        return Ok(plan);
    }
    let own: Vec<Column> = plan.schema().columns();
    let positions = positions(&with_short_names(plan.schema().inner()), columns)?;
    let by_partition = positions.iter().map(|&at| Expr::Column(own[at].clone()).sort(true, false));
    let order: Vec<SortExpr> = by_partition.chain(own_order(&plan)).collect();
    Ok(LogicalPlanBuilder::from(plan).sort(order)?.build()?)
}

fn own_order(plan: &LogicalPlan) -> Vec<SortExpr> {
    match plan {
        LogicalPlan::Sort(sort) => sort.expr.clone(),
        LogicalPlan::Limit(limit) => own_order(&limit.input),
        _ => Vec::new(),
    }
}

/// Where the columns of the partitions are.
fn positions(schema: &Schema, columns: &[String]) -> Result<Vec<usize>, SqlError> {
    let known = || schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        let found = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| SqlError::Export {
            message: format!("no column '{name}' to partition by; the query has {}", known()),
        })
    };
    let positions = columns.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    if positions.len() >= schema.fields().len() {
        let message = "the files would have no columns: partition by fewer than the query has".to_owned();
        return Err(SqlError::Export { message });
    }
    Ok(positions)
}

/// Writes an answer whose rows come [arranged](arrange); returns their number.
pub(super) async fn write(answer: &mut Answer, folder: &mut Folder, options: &ExportOptions) -> Result<u64, SqlError> {
    let schema = answer.schema();
    let keys = positions(&schema, &options.partition_by)?;
    let others: Vec<usize> = (0..schema.fields().len()).filter(|at| !keys.contains(at)).collect();
    let file_schema: SchemaRef = schema.project(&others).map_err(FormatError::Arrow)?.into();
    let mut rows = 0;
    let mut current: Option<PartitionFile> = None;
    while let Some(batch) = answer.next().await? {
        rows += batch.num_rows() as u64;
        for (name, part) in parts(&batch, &keys)? {
            if let Some(file) = current.take_if(|file| file.name != name) {
                file.finish(folder).await?;
            }
            let file = match current.take() {
                Some(file) => file,
                None => PartitionFile::begin(name, folder, &file_schema, options).await?,
            };
            current = Some(file.write(without(&part, &others, &file_schema)?).await?);
        }
    }
    if let Some(file) = current {
        file.finish(folder).await?;
    }
    Ok(rows)
}

/// The file of one partition, being written.
struct PartitionFile {
    /// Its folder: `column=value/…`.
    name: String,
    output: Output,
    encoding: Encoding,
}

impl PartitionFile {
    async fn begin(
        name: String,
        folder: &mut Folder,
        schema: &SchemaRef,
        options: &ExportOptions,
    ) -> Result<Self, SqlError> {
        let file = format!("{name}/{}", options.file_name(DATA_FILE));
        let output = folder.begin(&file, options.compression).await?;
        let encoding = Encoding::begin(options.format, SchemaRef::clone(schema), &options.format_options)?;
        Ok(Self { name, output, encoding })
    }

    async fn write(mut self, batch: RecordBatch) -> Result<Self, SqlError> {
        let bytes;
        (self.encoding, bytes) = self.encoding.encode(batch).await?;
        self.output.write(&bytes).await?;
        Ok(self)
    }

    async fn finish(mut self, folder: &mut Folder) -> Result<(), SqlError> {
        self.output.write(&self.encoding.finish()?).await?;
        Ok(folder.add(self.output).await?)
    }
}

/// Cuts a batch where the values of the columns `keys` change; returns each part with its folder.
fn parts(batch: &RecordBatch, keys: &[usize]) -> Result<Vec<(String, RecordBatch)>, FormatError> {
    let columns: Vec<ArrayRef> = keys.iter().map(|&at| batch.column(at).clone()).collect();
    let names: Vec<&str> = keys.iter().map(|&at| batch.schema_ref().field(at).name().as_str()).collect();
    let mut parts = Vec::new();
    for range in partition(&columns)?.ranges() {
        let mut folders = Vec::new();
        for (name, column) in names.iter().zip(&columns) {
            folders.push(folder_name(name, column.as_ref(), range.start)?);
        }
        parts.push((folders.join("/"), batch.slice(range.start, range.len())));
    }
    Ok(parts)
}

/// The columns of a batch that go into the file.
fn without(batch: &RecordBatch, columns: &[usize], schema: &SchemaRef) -> Result<RecordBatch, FormatError> {
    let columns = columns.iter().map(|&at| batch.column(at).clone()).collect();
    let size = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns, &size)?)
}

fn folder_name(name: &str, column: &dyn Array, row: usize) -> Result<String, FormatError> {
    let mut folder = escaped(name);
    folder.push('=');
    if column.is_null(row) {
        folder.push_str(NULL_FOLDER);
        return Ok(folder);
    }
    let options = ArrayFormat::new();
    let text = ArrayFormatter::try_new(column, &options)?.value(row).try_to_string()?;
    // A text that reads like NULL's folder must not end up there.
    folder.push_str(&if text == NULL_FOLDER { text.replacen('_', "%5F", 1) } else { escaped(&text) });
    Ok(folder)
}

/// Escapes what Hive escapes in names of folders (`FileUtils.escapePathName`).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_control() || "\"#%'*/:=?\\{}[]^".contains(character) {
            let _ = write!(out, "%{:02X}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    #[test]
    fn folders_are_named_as_in_hive() {
        let values = StringArray::from(vec![Some("eu-west-1"), None, Some("a/b=c%"), Some(NULL_FOLDER), Some("")]);
        let names: Vec<String> =
            (0..values.len()).map(|row| folder_name("region", &values, row).expect("a name")).collect();
        let expected = ["eu-west-1", NULL_FOLDER, "a%2Fb%3Dc%25", "%5F_HIVE_DEFAULT_PARTITION__", ""]
            .map(|v| format!("region={v}"));
        assert_eq!(names, expected);
    }
}
