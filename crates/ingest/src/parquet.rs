//! Rows of a batch as a Parquet file of the lake.

use ::parquet::arrow::ArrowWriter;
use ::parquet::errors::Result;
use ::parquet::file::metadata::ParquetMetaData;
use arrow::array::ArrayRef;
use arrow::compute::{interleave, interleave_record_batch};
use arrow::error::ArrowError;
use bytes::Bytes;
use trailql_event::event_schema;
use trailql_lake::file_format::{SORT_COLUMNS, column_at, writer_properties};

use crate::batch::{Batch, RowId};
use crate::sort::sorted_indices;

/// Rows gathered at once, so that the copy of a partition never is in memory as a whole.
const GATHER_ROWS: usize = 8192;

/// Encodes `rows` of `batch`, sorted, as one Parquet file.
pub(crate) fn encode(batch: &Batch, mut rows: Vec<RowId>) -> Result<(Bytes, ParquetMetaData)> {
    sort(batch, &mut rows)?;
    let batches = batch.record_batches();
    let mut writer = ArrowWriter::try_new(Vec::new(), event_schema(), Some(writer_properties(rows.len())))?;
    for chunk in rows.chunks(GATHER_ROWS) {
        let places: Vec<(usize, usize)> = chunk.iter().map(|row| (row.batch, row.row as usize)).collect();
        writer.write(&interleave_record_batch(&batches, &places)?)?;
    }
    let metadata = writer.finish()?;
    Ok((std::mem::take(writer.inner_mut()).into(), metadata))
}

/// Sorts rows as the lake's files are.
fn sort(batch: &Batch, rows: &mut Vec<RowId>) -> std::result::Result<(), ArrowError> {
    let batches = batch.record_batches();
    let places: Vec<(usize, usize)> = rows.iter().map(|row| (row.batch, row.row as usize)).collect();
    let mut columns = Vec::new();
    for path in SORT_COLUMNS {
        let arrays = batches.iter().map(|rows| column_at(rows, path)).collect::<Option<Vec<ArrayRef>>>();
        let Some(arrays) = arrays else { continue };
        let arrays: Vec<_> = arrays.iter().map(AsRef::as_ref).collect();
        columns.push(interleave(&arrays, &places)?);
    }
    *rows = sorted_indices(&columns)?.into_iter().map(|at| rows[at as usize]).collect();
    Ok(())
}
