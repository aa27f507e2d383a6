//! A Parquet file, written row group by row group; the columns of a batch are encoded side by side.
//!
//! Its types are Parquet's own, without Arrow's schema beside them: text, 64-bit integers, doubles, microseconds in UTC,
//! lists whose members are called `element`. That is what other engines write and read.

use std::io::Write;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory, ArrowWriterOptions,
    compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use super::names::with_unique_names;
use super::{FormatError, ParquetCompression, ResultWriter};

/// Rows of a row group: what is encoded in memory before it is written.
const ROW_GROUP_ROWS: usize = 128 << 10;

/// A row group ends at this encoded size, to bound memory where rows are large.
const MAX_ROW_GROUP_BYTES: usize = 64 << 20;

/// Rows that are encoded at once: cores that are done with the short columns wait for the others.
const ROWS_AT_ONCE: usize = 16 << 10;

/// The same in bytes, where rows are large; batches that share memory count it more than once.
const BYTES_AT_ONCE: usize = 64 << 20;

/// Room for a dictionary: the values of a row group mostly repeat, and where they do not, it stays below this.
const DICTIONARY_BYTES: usize = 4 << 20;

/// Writes batches into row groups; the footer comes with `finish`.
pub(super) struct ParquetWriter<W: Write + Send> {
    file: Option<SerializedFileWriter<W>>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    row_group: Option<RowGroup>,
    row_groups: usize,
}

/// The row group that is being encoded.
struct RowGroup {
    /// A writer for each leaf of the schema.
    leaves: Vec<ArrowColumnWriter>,
    /// What they have not got yet.
    waiting: Vec<RecordBatch>,
    /// Rows of both.
    rows: usize,
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(super) fn try_new(out: W, schema: SchemaRef, compression: ParquetCompression) -> Result<Self, FormatError> {
        let schema = with_unique_names(&schema);
        let compression = match compression {
            ParquetCompression::Zstd => Compression::ZSTD(ZstdLevel::try_new(1)?),
            ParquetCompression::Snappy => Compression::SNAPPY,
            ParquetCompression::None => Compression::UNCOMPRESSED,
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_coerce_types(true)
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(out, Arc::clone(&schema), options)?;
        let (file, factory) = writer.into_serialized_writer()?;
        Ok(Self { file: Some(file), factory, schema, row_group: None, row_groups: 0 })
    }

    /// Takes as many of the rows as the row group has room for; returns their number.
    fn write_some(&mut self, batch: &RecordBatch) -> Result<usize, FormatError> {
        let row_group = match &mut self.row_group {
            Some(row_group) => row_group,
            none => {
                let leaves = self.factory.create_column_writers(self.row_groups)?;
                none.insert(RowGroup { leaves, waiting: Vec::new(), rows: 0 })
            }
        };
        let rows = batch.num_rows().min(ROW_GROUP_ROWS - row_group.rows);
        row_group.write(batch.slice(0, rows))?;
        if row_group.rows == ROW_GROUP_ROWS || row_group.encoded_bytes() >= MAX_ROW_GROUP_BYTES {
            self.end_row_group()?;
        }
        Ok(rows)
    }

    fn end_row_group(&mut self) -> Result<(), FormatError> {
        let (Some(row_group), Some(file)) = (self.row_group.take(), &mut self.file) else { return Ok(()) };
        let mut out = file.next_row_group()?;
        for chunk in row_group.close()? {
            chunk.append_to_row_group(&mut out)?;
        }
        out.close()?;
        self.row_groups += 1;
        Ok(())
    }
}

impl RowGroup {
    fn write(&mut self, batch: RecordBatch) -> Result<(), FormatError> {
        self.rows += batch.num_rows();
        self.waiting.push(batch);
        let rows: usize = self.waiting.iter().map(RecordBatch::num_rows).sum();
        let bytes: usize = self.waiting.iter().map(RecordBatch::get_array_memory_size).sum();
        if rows >= ROWS_AT_ONCE || bytes >= BYTES_AT_ONCE { self.encode() } else { Ok(()) }
    }

    fn encode(&mut self) -> Result<(), FormatError> {
        let mut values: Vec<Vec<ArrowLeafColumn>> = self.leaves.iter().map(|_| Vec::new()).collect();
        for batch in std::mem::take(&mut self.waiting) {
            let schema = batch.schema();
            let mut leaves = values.iter_mut();
            for (field, column) in schema.fields().iter().zip(batch.columns()) {
                let parts = compute_leaves(field, column)?;
                parts.into_iter().zip(&mut leaves).for_each(|(part, leaf)| leaf.push(part));
            }
        }
        let leaves = self.leaves.par_iter_mut().zip(values);
        Ok(leaves.try_for_each(|(leaf, values)| values.iter().try_for_each(|part| leaf.write(part)))?)
    }

    fn encoded_bytes(&self) -> usize {
        self.leaves.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum()
    }

    fn close(mut self) -> Result<Vec<ArrowColumnChunk>, FormatError> {
        self.encode()?;
        Ok(self.leaves.into_par_iter().map(ArrowColumnWriter::close).collect::<Result<_, _>>()?)
    }
}

impl<W: Write + Send> ResultWriter for ParquetWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())?;
        let mut written = 0;
        while written < batch.num_rows() {
            written += self.write_some(&batch.slice(written, batch.num_rows() - written))?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        self.end_row_group()?;
        if let Some(file) = self.file.take() {
            file.into_inner()?.flush()?;
        }
        Ok(())
    }
}
