//! A Parquet file, written row group by row group.
//!
//! Its types are Parquet's own, without Arrow's schema beside them: text, 64-bit integers, doubles, microseconds in UTC,
//! lists whose members are called `element`. That is what other engines write and read.

use std::io::Write;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::names::with_unique_names;
use super::{FormatError, ParquetCompression, ResultWriter};

/// Rows of a row group: few enough that text fits the writer's dictionary pages of 1 MiB where it repeats at all.
const ROW_GROUP_ROWS: usize = 128 << 10;

/// Flushes a row group at this encoded size, to bound memory where rows are large.
const MAX_ROW_GROUP_BYTES: usize = 64 << 20;

/// Writes batches into row groups; the footer comes with `finish`.
pub(super) struct ParquetWriter<W: Write + Send> {
    writer: Option<ArrowWriter<W>>,
    schema: SchemaRef,
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(super) fn try_new(out: W, schema: SchemaRef, compression: ParquetCompression) -> Result<Self, FormatError> {
        let schema = with_unique_names(&schema);
        let compression = match compression {
            ParquetCompression::Zstd => Compression::ZSTD(ZstdLevel::try_new(3)?),
            ParquetCompression::Snappy => Compression::SNAPPY,
            ParquetCompression::None => Compression::UNCOMPRESSED,
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_coerce_types(true)
            .build();
        let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(out, Arc::clone(&schema), options)?;
        Ok(Self { writer: Some(writer), schema })
    }
}

impl<W: Write + Send> ResultWriter for ParquetWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())?)?;
        if writer.in_progress_size() >= MAX_ROW_GROUP_BYTES {
            writer.flush()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        if let Some(writer) = self.writer.take() {
            writer.into_inner()?.flush()?;
        }
        Ok(())
    }
}
