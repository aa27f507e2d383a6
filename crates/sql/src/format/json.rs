//! JSON: an array of objects with one row per line, or one object per line (JSON lines).
//!
//! NULL columns are written as `null`; JSON columns of the log stay text, as they are in SQL.

use std::io::Write;
use std::sync::Arc;

use arrow::array::StructArray;
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::json::writer::{EncoderOptions, make_encoder};
use arrow::record_batch::RecordBatch;

use super::chunk::ChunkEncoder;
use super::names::with_unique_names;
use super::{FormatError, ResultWriter, map_keys};

/// Rows as JSON objects, by columns with unique names.
struct Objects {
    schema: SchemaRef,
    options: EncoderOptions,
}

impl Objects {
    fn new(schema: &SchemaRef) -> Self {
        Self { schema: with_unique_names(schema), options: map_keys::options().with_explicit_nulls(true) }
    }

    /// Appends the rows of a batch, each between what `before` and `after` append.
    fn push(
        &self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
        mut before: impl FnMut(&mut Vec<u8>),
        after: &[u8],
    ) -> Result<(), FormatError> {
        let fields = self.schema.fields().clone();
        let field = Arc::new(Field::new("row", DataType::Struct(fields.clone()), false));
        let rows = StructArray::try_new_with_length(fields, batch.columns().to_vec(), None, batch.num_rows())?;
        let mut encoder = make_encoder(&field, &rows, &self.options)?;
        for row in 0..batch.num_rows() {
            before(out);
            encoder.encode(row, out);
            out.extend_from_slice(after);
        }
        Ok(())
    }
}

/// One object per line.
pub(super) struct JsonLines(Objects);

impl JsonLines {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self(Objects::new(schema))
    }
}

impl ChunkEncoder for JsonLines {
    fn head(&self, _: &mut Vec<u8>) {}

    fn rows(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        self.0.push(batch, out, |_| {}, b"\n")
    }
}

/// `[`, the rows with commas between them, and `]`.
pub(super) struct JsonArrayWriter<W> {
    out: W,
    objects: Objects,
    is_empty: bool,
}

impl<W: Write> JsonArrayWriter<W> {
    pub(super) fn new(out: W, schema: &SchemaRef) -> Self {
        Self { out, objects: Objects::new(schema), is_empty: true }
    }
}

impl<W: Write + Send> ResultWriter for JsonArrayWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let mut rows = Vec::new();
        let is_empty = &mut self.is_empty;
        let before = |out: &mut Vec<u8>| {
            out.extend_from_slice(if std::mem::replace(is_empty, false) { b"[\n" } else { b",\n" });
        };
        self.objects.push(batch, &mut rows, before, b"")?;
        Ok(self.out.write_all(&rows)?)
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        self.out.write_all(if self.is_empty { b"[]\n" } else { b"\n]\n" })?;
        Ok(self.out.flush()?)
    }
}
