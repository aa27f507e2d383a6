//! One data file on its way into a larger one.

use std::ops::Range;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::ParquetStatisticsPolicy;
use parquet::schema::types::SchemaDescriptor;
use trailql_event::event_schema;

use crate::error::UpkeepError;

/// Rows decoded at once.
const DECODE_ROWS: usize = 8192;

/// Bytes that a value of a column takes in memory beside its text, on average: an offset, validity, what is around it.
const VALUE_BYTES: u64 = 6;

/// How much larger text becomes when its encoding is undone, where the file does not say; a guess on the safe side.
const EXPANSION: u64 = 4;

/// A data file in memory, still compressed.
#[derive(Debug)]
pub(super) struct Input {
    path: Path,
    bytes: Bytes,
    metadata: ArrowReaderMetadata,
    /// Where each column of [`event_schema`] is in the file; an older file may lack some.
    roots: Vec<Option<usize>>,
}

impl Input {
    /// Fails with [`UpkeepError::Foreign`] for a file that holds more than the columns of [`event_schema`].
    pub(super) fn try_new(path: Path, bytes: Bytes) -> Result<Self, UpkeepError> {
        // Footers of many files are held at once, and their statistics are most of them.
        let options = ArrowReaderOptions::new().with_column_stats_policy(ParquetStatisticsPolicy::SkipAll);
        let metadata = ArrowReaderMetadata::load(&bytes, options)
            .map_err(|source| UpkeepError::parquet("reading", &path, source))?;
        let roots = roots(metadata.schema()).map_err(|reason| UpkeepError::foreign(&path, reason))?;
        Ok(Self { path, bytes, metadata, roots })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn row_count(&self) -> usize {
        usize::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or_default()
    }

    /// About how much memory a column of [`event_schema`] takes when it is decoded.
    pub(super) fn decoded_bytes(&self, column: usize) -> u64 {
        let Some(root) = self.roots[column] else { return 0 };
        let schema = self.metadata.parquet_schema();
        let leaves = (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == root);
        let groups = self.metadata.metadata().row_groups();
        let chunks = leaves.flat_map(|leaf| groups.iter().map(move |group| group.column(leaf)));
        let positive = |bytes: i64| u64::try_from(bytes).unwrap_or_default();
        chunks
            .map(|chunk| {
                let text = chunk.unencoded_byte_array_data_bytes().map(positive);
                let text = text.unwrap_or_else(|| positive(chunk.uncompressed_size()) * EXPANSION);
                text + positive(chunk.num_values()) * VALUE_BYTES
            })
            .sum()
    }

    /// Decodes neighbouring columns of [`event_schema`], as batches of just these columns, in the order of the file.
    pub(super) fn read(
        &self,
        columns: Range<usize>,
        selection: Option<RowSelection>,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, UpkeepError>> + '_, UpkeepError> {
        let schema = projected(&columns);
        let roots: Vec<_> = self.roots[columns].iter().flatten().copied().collect();
        let reader = self.reader(|parquet| ProjectionMask::roots(parquet, roots), selection)?;
        Ok(reader.map(move |batch| {
            let failed = |error| UpkeepError::parquet("reading", &self.path, error);
            let batch = batch.map_err(failed)?;
            let column = |field: &arrow::datatypes::FieldRef| -> ArrayRef {
                let column = batch.column_by_name(field.name()).cloned();
                column.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
            };
            let columns = schema.fields().iter().map(column).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(failed)
        }))
    }

    /// Decodes leaf columns by their paths; those that the file lacks are missing from the batches.
    pub(super) fn read_leaves(
        &self,
        paths: &[&[&str]],
    ) -> Result<impl Iterator<Item = Result<RecordBatch, UpkeepError>> + '_, UpkeepError> {
        let is_wanted =
            |parts: &[String]| paths.iter().any(|path| parts.iter().map(String::as_str).eq(path.iter().copied()));
        let mask = |parquet: &SchemaDescriptor| {
            let leaves = parquet.columns().iter().enumerate().filter(|(_, leaf)| is_wanted(leaf.path().parts()));
            ProjectionMask::leaves(parquet, leaves.map(|(index, _)| index))
        };
        let reader = self.reader(mask, None)?;
        Ok(reader.map(|batch| batch.map_err(|error| UpkeepError::parquet("reading", &self.path, error))))
    }

    fn reader(
        &self,
        mask: impl FnOnce(&SchemaDescriptor) -> ProjectionMask,
        selection: Option<RowSelection>,
    ) -> Result<ParquetRecordBatchReader, UpkeepError> {
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), self.metadata.clone())
            .with_projection(mask(self.metadata.parquet_schema()))
            .with_batch_size(DECODE_ROWS);
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        builder.build().map_err(|source| UpkeepError::parquet("reading", &self.path, source))
    }
}

fn projected(columns: &Range<usize>) -> SchemaRef {
    let fields: Vec<_> = event_schema().fields()[columns.clone()].to_vec();
    std::sync::Arc::new(arrow::datatypes::Schema::new(fields))
}

/// Finds the columns of [`event_schema`] in a file; an error says why the file must not be rewritten.
fn roots(file: &SchemaRef) -> Result<Vec<Option<usize>>, String> {
    let schema = event_schema();
    if let Some(unknown) = file.fields().iter().find(|field| schema.index_of(field.name()).is_err()) {
        return Err(format!("its column {} is not known to this version of trailql", unknown.name()));
    }
    let root = |field: &arrow::datatypes::FieldRef| match file.fields().find(field.name()) {
        None => Ok(None),
        Some((index, found)) if found.data_type() == field.data_type() => Ok(Some(index)),
        Some((_, found)) => {
            let (name, other, ours) = (field.name(), found.data_type(), field.data_type());
            Err(format!("its column {name} is {other}, not {ours}"))
        }
    };
    schema.fields().iter().map(root).collect()
}
