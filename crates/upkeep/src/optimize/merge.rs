//! One compaction: several data files in, one out, in the order of the lake.
//!
//! ```text
//! inputs, compressed ─► sort columns ─► order ─┬─► columns 0..7   ─► gather ─► encode ─┐
//!                                              ├─► columns 8..14  ─► gather ─► encode ─┼─► file
//!                                              └─► …                                  ─┘
//! ```
//!
//! In memory are the inputs and the new file, compressed, the order, and the few columns in hand. So a row is decoded once
//! and encoded once, whatever the number of files, and all cores work even on one partition.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload, PutPayloadMut};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::writer::SerializedFileWriter;
use tokio::sync::Semaphore;
use trailql_event::event_schema;
use trailql_lake::file_format::{bloom_filters, delta_stats, new_data_path, writer_properties};
use trailql_lake::{DataFile, NewFile};

use super::encode::{Chunks, Encoder};
use super::input::Input;
use super::order::Order;
use super::plan::Compaction;
use crate::error::UpkeepError;

/// Memory of all compactions at once, beside the columns in hand: what they take is estimated, so this stays well below
/// the 1 GiB that the process may take.
const MEMORY_MIB: usize = 384;

/// Decoded columns of all compactions at once.
const WINDOWS_BYTES: usize = 96 << 20;

/// Smallest window of a core; with very many cores the memory grows beyond the sum of the above.
const MIN_WINDOW_BYTES: usize = 4 << 20;

/// Memory for a row of the order: its sort key, the half again that sorting takes, and its place.
const ORDER_BYTES: u64 = 48;

/// Memory for the footer of an input.
const FOOTER_BYTES: u64 = 100_000;

/// Inputs read at once.
const READS_IN_FLIGHT: usize = 16;

/// Blocks that the new file is put together from, so that growing never copies it.
const BLOCK_BYTES: usize = 1 << 20;

/// Merges data files, several compactions at a time, within the memory and the cores of the machine.
#[derive(Debug)]
pub(super) struct Merger {
    store: Arc<dyn ObjectStore>,
    memory: Semaphore,
    cores: Semaphore,
    core_count: usize,
    /// Decoded columns of one core.
    window_bytes: usize,
}

impl Merger {
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Self {
        let core_count = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            store,
            memory: Semaphore::new(MEMORY_MIB),
            cores: Semaphore::new(core_count),
            core_count,
            window_bytes: (WINDOWS_BYTES / core_count).max(MIN_WINDOW_BYTES),
        }
    }

    /// Compactions worth having in hand: while some read and write files, the others keep the cores busy.
    pub(super) fn compactions_in_flight(&self) -> usize {
        self.core_count * 2
    }

    /// Writes the file that holds all rows of the compaction's files; nobody sees it yet.
    pub(super) async fn merge(&self, compaction: &Compaction) -> Result<NewFile, UpkeepError> {
        let _memory = self.memory.acquire_many(memory_mib(compaction)).await.expect("it is never closed");
        let date = compaction.date();
        let path = new_data_path(&compaction.region, date.as_deref());
        let inputs = self.read_inputs(&compaction.files).await?;
        let window_bytes = self.window_bytes;
        let (writer, encoder) = {
            let path = path.clone();
            self.work(move || prepare(inputs, path, window_bytes)).await?
        };
        let encoder = Arc::new(encoder);
        let runs = encoder.column_runs(self.core_count).into_iter();
        let columns = runs.map(|run| {
            let encoder = Arc::clone(&encoder);
            self.work(move || encoder.encode(run))
        });
        let columns: Vec<Chunks> = stream::iter(columns).buffered(self.core_count).try_collect().await?;
        let row_count = encoder.order.row_count();
        drop(encoder);
        let (payload, metadata) = {
            let path = path.clone();
            self.work(move || assemble(writer, columns, &path, row_count)).await?
        };
        let size_bytes = payload.content_length() as u64;
        let blooms = bloom_filters(&metadata, |range| copy_range(&payload, range));
        self.store.put(&path, payload).await.map_err(|source| UpkeepError::store("writing", &path, source))?;
        let (region, stats) = (compaction.region.clone(), delta_stats(&metadata));
        Ok(NewFile { path, size_bytes, region, date, stats, blooms })
    }

    async fn read_inputs(&self, files: &[DataFile]) -> Result<Vec<Input>, UpkeepError> {
        let read = |file: DataFile| async move {
            let failed = |source| UpkeepError::store("reading", &file.path, source);
            let bytes = self.store.get(&file.path).await.map_err(failed)?.bytes().await.map_err(failed)?;
            let input = Input::try_new(file.path.clone(), bytes)?;
            let rows = input.row_count() as u64;
            match file.row_count {
                Some(expected) if expected != rows => {
                    Err(UpkeepError::foreign(&file.path, format!("it holds {rows} rows, and the log says {expected}")))
                }
                _ => Ok(input),
            }
        };
        stream::iter(files.to_vec()).map(read).buffered(READS_IN_FLIGHT).try_collect().await
    }

    /// Runs work for a core, once one is free.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, UpkeepError> + Send + 'static,
    ) -> Result<T, UpkeepError> {
        let _core = self.cores.acquire().await.expect("it is never closed");
        tokio::task::spawn_blocking(work).await?
    }
}

/// About the memory that a compaction takes, in MiB: its files and the new one, their footers, the order.
fn memory_mib(compaction: &Compaction) -> u32 {
    let files = compaction.files.len() as u64;
    let bytes = compaction.size_bytes() * 2 + compaction.row_count() * ORDER_BYTES + files * FOOTER_BYTES;
    u32::try_from((bytes >> 20) + 1).unwrap_or(u32::MAX).min(MEMORY_MIB as u32)
}

/// The file to be, in blocks.
struct Blocks(PutPayloadMut);

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn prepare(
    inputs: Vec<Input>,
    path: Path,
    window_bytes: usize,
) -> Result<(SerializedFileWriter<Blocks>, Encoder), UpkeepError> {
    let order = Order::of(&inputs)?;
    let (writer, factory) =
        open_writer(order.row_count()).map_err(|source| UpkeepError::parquet("writing", &path, source))?;
    let schema = writer.schema_descr();
    let leaf_columns = (0..schema.num_columns()).map(|leaf| schema.get_column_root_idx(leaf)).collect();
    Ok((writer, Encoder { inputs, order, factory, leaf_columns, path, window_bytes }))
}

fn open_writer(
    row_count: usize,
) -> parquet::errors::Result<(SerializedFileWriter<Blocks>, ArrowRowGroupWriterFactory)> {
    let blocks = Blocks(PutPayloadMut::new().with_block_size(BLOCK_BYTES));
    ArrowWriter::try_new(blocks, event_schema(), Some(writer_properties(row_count)))?.into_serialized_writer()
}

/// Puts the encoded columns together, and checks that the file holds as many rows as its inputs.
fn assemble(
    mut writer: SerializedFileWriter<Blocks>,
    columns: Vec<Chunks>,
    path: &Path,
    row_count: usize,
) -> Result<(PutPayload, ParquetMetaData), UpkeepError> {
    let failed = |source| UpkeepError::parquet("writing", path, source);
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    let groups = columns.first().map_or(0, ExactSizeIterator::len);
    for _ in 0..groups {
        let mut group = writer.next_row_group().map_err(failed)?;
        for chunk in columns.iter_mut().filter_map(Iterator::next).flatten() {
            chunk.append_to_row_group(&mut group).map_err(failed)?;
        }
        group.close().map_err(failed)?;
    }
    let metadata = writer.finish().map_err(failed)?;
    let written = metadata.file_metadata().num_rows();
    if usize::try_from(written) != Ok(row_count) {
        let message = format!("it holds {written} rows, and its inputs {row_count}");
        return Err(failed(parquet::errors::ParquetError::General(message)));
    }
    let blocks = std::mem::replace(&mut writer.inner_mut().0, PutPayloadMut::new());
    Ok((blocks.freeze(), metadata))
}

/// A copy of a part of the file.
fn copy_range(payload: &PutPayload, range: Range<usize>) -> Bytes {
    let mut copy = Vec::with_capacity(range.len());
    let mut start = 0;
    for block in payload {
        let end = start + block.len();
        let (from, to) = (range.start.max(start), range.end.min(end));
        if from < to {
            copy.extend_from_slice(&block[from - start..to - start]);
        }
        start = end;
    }
    copy.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
