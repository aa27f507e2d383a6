//! An Arrow IPC file (Feather version 2).

use std::io::Write;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::FileWriter;
use arrow::record_batch::RecordBatch;

use super::names::with_unique_names;
use super::{FormatError, ResultWriter};

/// Writes batches as they come; the footer comes with `finish`.
pub(super) struct ArrowWriter<W: Write> {
    writer: FileWriter<W>,
    schema: SchemaRef,
}

impl<W: Write> ArrowWriter<W> {
    pub(super) fn try_new(out: W, schema: SchemaRef) -> Result<Self, FormatError> {
        let schema = with_unique_names(&schema);
        Ok(Self { writer: FileWriter::try_new(out, &schema)?, schema })
    }
}

impl<W: Write + Send> ResultWriter for ArrowWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())?;
        Ok(self.writer.write(&batch)?)
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        self.writer.finish()?;
        Ok(self.writer.get_mut().flush()?)
    }
}
