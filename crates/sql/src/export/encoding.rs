//! From batches to bytes, away from the threads that drive queries and requests.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::task::{JoinError, JoinHandle};

use crate::error::SqlError;
use crate::format::{ChunkEncoder, Format, FormatError, FormatOptions, ResultWriter};

/// A batch that is being encoded.
pub(crate) struct Chunk(JoinHandle<Result<Vec<u8>, FormatError>>);

/// Begins to encode one batch of a result whose batches do not depend on each other.
pub(crate) fn encode(batch: RecordBatch, encoder: Arc<dyn ChunkEncoder>) -> Chunk {
    Chunk(tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::with_capacity(batch.get_array_memory_size());
        encoder.rows(&batch, &mut bytes)?;
        Ok(bytes)
    }))
}

impl Chunk {
    /// Returns what it comes to.
    pub(crate) async fn bytes(self) -> Result<Vec<u8>, SqlError> {
        done(self.0.await)
    }
}

/// One file of a result, in any format.
pub(crate) struct Encoding {
    writer: Box<dyn ResultWriter>,
    bytes: Bytes,
}

impl Encoding {
    pub(crate) fn begin(format: Format, schema: SchemaRef, options: &FormatOptions) -> Result<Self, SqlError> {
        let bytes = Bytes::default();
        let writer = format.writer(Box::new(bytes.clone()), schema, options)?;
        Ok(Self { writer, bytes })
    }

    /// Takes a batch, and returns the bytes that are ready.
    pub(crate) async fn encode(mut self, batch: RecordBatch) -> Result<(Self, Vec<u8>), SqlError> {
        let work = tokio::task::spawn_blocking(move || {
            let bytes = self.write(&batch)?;
            Ok((self, bytes))
        });
        done(work.await)
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, FormatError> {
        self.writer.write(batch)?;
        Ok(self.bytes.take())
    }

    /// Returns the last bytes.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, FormatError> {
        self.writer.finish()?;
        Ok(self.bytes.take())
    }

    /// Takes the batches that are sent, up to [`Piece::End`], and sends their bytes, on one thread of its own, which keeps
    /// the memory that it once needed.
    pub(crate) fn run(mut self, mut pieces: Receiver<Piece>, bytes: Sender<Vec<u8>>) -> Encoder {
        Encoder(tokio::task::spawn_blocking(move || {
            while let Some(piece) = pieces.blocking_recv() {
                let Piece::Rows(batch) = piece else {
                    // Nobody to take them is no error: who has left says why.
                    let _ = bytes.blocking_send(self.finish()?);
                    break;
                };
                let ready = self.write(&batch)?;
                if !ready.is_empty() && bytes.blocking_send(ready).is_err() {
                    break;
                }
            }
            Ok(())
        }))
    }
}

/// What [`Encoding::run`] takes.
pub(crate) enum Piece {
    /// Some rows of the result.
    Rows(RecordBatch),
    /// It is whole; without this, what ends a file is not written.
    End,
}

/// An encoding that runs.
pub(crate) struct Encoder(JoinHandle<Result<(), FormatError>>);

impl Encoder {
    /// Waits for its end.
    pub(crate) async fn join(self) -> Result<(), SqlError> {
        done(self.0.await)
    }
}

/// What came of work on a thread for blocking work.
fn done<T>(ended: Result<Result<T, FormatError>, JoinError>) -> Result<T, SqlError> {
    match ended {
        Ok(done) => Ok(done?),
        Err(error) => Err(FormatError::Io(io::Error::other(error)).into()),
    }
}

/// Bytes that a writer wrote and nobody took yet.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
