//! JSON: an array of objects with one row per line, or one object per line (JSON lines).
//!
//! NULL columns are written as `null`; JSON columns of the log stay text, as they are in SQL.

use std::io::Write;
use std::sync::Arc;

use arrow::array::StructArray;
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::json::writer::{EncoderOptions, make_encoder};
use arrow::record_batch::RecordBatch;

use super::names::with_unique_names;
use super::{FormatError, ResultWriter};

/// Writes rows as JSON objects.
pub(super) struct JsonWriter<W> {
    out: W,
    schema: SchemaRef,
    options: EncoderOptions,
    is_array: bool,
    rows_written: usize,
}

impl<W: Write> JsonWriter<W> {
    /// Writes `[`, the rows with commas between them, and `]`.
    pub(super) fn array(out: W, schema: SchemaRef) -> Self {
        Self::new(out, schema, true)
    }

    /// Writes one object per line.
    pub(super) fn lines(out: W, schema: SchemaRef) -> Self {
        Self::new(out, schema, false)
    }

    fn new(out: W, schema: SchemaRef, is_array: bool) -> Self {
        let options = EncoderOptions::default().with_explicit_nulls(true);
        Self { out, schema: with_unique_names(&schema), options, is_array, rows_written: 0 }
    }
}

impl<W: Write + Send> ResultWriter for JsonWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let fields = self.schema.fields().clone();
        let field = Arc::new(Field::new("row", DataType::Struct(fields.clone()), false));
        let rows = StructArray::try_new_with_length(fields, batch.columns().to_vec(), None, batch.num_rows())?;
        let mut encoder = make_encoder(&field, &rows, &self.options)?;
        let mut line = Vec::new();
        for row in 0..batch.num_rows() {
            line.clear();
            match (self.is_array, self.rows_written) {
                (true, 0) => line.extend_from_slice(b"[\n"),
                (true, _) => line.extend_from_slice(b",\n"),
                (false, _) => {}
            }
            encoder.encode(row, &mut line);
            if !self.is_array {
                line.push(b'\n');
            }
            self.out.write_all(&line)?;
            self.rows_written += 1;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        if self.is_array {
            self.out.write_all(if self.rows_written == 0 { b"[]\n" } else { b"\n]\n" })?;
        }
        Ok(self.out.flush()?)
    }
}
