//! Formats whose batches can be written without each other: side by side, and in order afterwards.

use std::io::Write;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::{FormatError, ResultWriter};

/// Writes what a format holds ahead of the rows, and rows.
pub(crate) trait ChunkEncoder: Send + Sync {
    /// Appends what precedes all rows.
    fn head(&self, out: &mut Vec<u8>);

    /// Appends the rows of a batch.
    fn rows(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError>;
}

/// Writes chunks one after the other.
pub(super) struct ChunkWriter<W> {
    out: W,
    encoder: Arc<dyn ChunkEncoder>,
    chunk: Vec<u8>,
    has_head: bool,
}

impl<W: Write> ChunkWriter<W> {
    pub(super) fn new(out: W, encoder: Arc<dyn ChunkEncoder>) -> Self {
        Self { out, encoder, chunk: Vec::new(), has_head: false }
    }

    fn head(&mut self) {
        self.chunk.clear();
        if !std::mem::replace(&mut self.has_head, true) {
            self.encoder.head(&mut self.chunk);
        }
    }
}

impl<W: Write + Send> ResultWriter for ChunkWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        self.head();
        self.encoder.rows(batch, &mut self.chunk)?;
        Ok(self.out.write_all(&self.chunk)?)
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        self.head();
        self.out.write_all(&self.chunk)?;
        Ok(self.out.flush()?)
    }
}
