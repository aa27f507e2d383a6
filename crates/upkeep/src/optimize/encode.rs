//! Columns of the merged file, encoded one by one: each is in memory only while it is copied.

use std::ops::Range;

use object_store::path::Path;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use trailql_event::event_schema;
use trailql_lake::file_format::ROW_GROUP_ROWS;

use super::input::Input;
use super::order::Order;
use super::window::Window;
use crate::error::UpkeepError;

/// Rows copied at once; a divisor of the rows of a row group.
const GATHER_ROWS: usize = 8192;

/// Decoded bytes below which a run of columns is not cut further.
const MIN_RUN_BYTES: u64 = 8 << 20;

/// What encoding any column of one file needs.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) inputs: Vec<Input>,
    pub(super) order: Order,
    pub(super) factory: ArrowRowGroupWriterFactory,
    /// By leaf of the Parquet schema: the column that it is part of.
    pub(super) leaf_columns: Vec<usize>,
    /// The file to be, for messages.
    pub(super) path: Path,
    /// Decoded bytes in memory at once.
    pub(super) window_bytes: usize,
}

/// Encoded columns: by row group, the leaves of the columns in order.
pub(super) type Chunks = Vec<Vec<ArrowColumnChunk>>;

impl Encoder {
    /// Cuts the columns into runs of neighbours to be encoded together: as few as `window_bytes` allows, as each run opens
    /// all inputs again, but at least `least` where there is work for as many.
    pub(super) fn column_runs(&self, least: usize) -> Vec<Range<usize>> {
        let columns: Vec<u64> = (0..event_schema().fields().len()).map(|column| self.decoded_bytes(column)).collect();
        let share = (columns.iter().sum::<u64>() / least as u64).max(MIN_RUN_BYTES);
        let limit = share.min(self.window_bytes as u64);
        let mut runs: Vec<Range<usize>> = Vec::new();
        let mut room = 0;
        for (column, bytes) in columns.into_iter().enumerate() {
            match runs.last_mut() {
                Some(run) if bytes <= room => run.end = column + 1,
                _ => {
                    runs.push(column..column + 1);
                    room = limit;
                }
            }
            room = room.saturating_sub(bytes);
        }
        runs
    }

    /// Gathers and encodes a run of columns.
    pub(super) fn encode(&self, columns: Range<usize>) -> Result<Chunks, UpkeepError> {
        let row_count = self.order.row_count();
        let mut groups = Groups { encoder: self, columns: columns.clone(), chunks: Vec::new(), writers: Vec::new() };
        let mut bytes_per_row =
            columns.clone().map(|column| self.decoded_bytes(column)).sum::<u64>() as usize / row_count.max(1);
        let mut start = 0;
        while start < row_count {
            let rows = (self.window_bytes / bytes_per_row.max(1)).max(1);
            let asked = start..row_count.min(start + rows);
            let window = Window::decode(&self.inputs, &self.order, columns.clone(), asked, self.window_bytes)?;
            groups.write(&window)?;
            start = window.rows().end;
            bytes_per_row = window.size_bytes() / window.rows().len();
        }
        Ok(groups.chunks)
    }

    /// About how much memory a column takes when it is decoded as a whole.
    fn decoded_bytes(&self, column: usize) -> u64 {
        self.inputs.iter().map(|input| input.decoded_bytes(column)).sum()
    }

    fn failed(&self, source: impl Into<parquet::errors::ParquetError>) -> UpkeepError {
        UpkeepError::parquet("writing", &self.path, source)
    }
}

/// Writes a run of columns into one row group after the other.
struct Groups<'a> {
    encoder: &'a Encoder,
    columns: Range<usize>,
    chunks: Chunks,
    /// Of the row group in hand, one for each leaf.
    writers: Vec<ArrowColumnWriter>,
}

impl Groups<'_> {
    fn write(&mut self, window: &Window) -> Result<(), UpkeepError> {
        let rows = window.rows();
        let mut start = rows.start;
        while start < rows.end {
            if start.is_multiple_of(ROW_GROUP_ROWS) {
                self.writers = self.open_group()?;
            }
            // Pieces end where row groups end, since these are multiples of theirs.
            let end = rows.end.min((start / GATHER_ROWS + 1) * GATHER_ROWS);
            self.write_rows(window, start..end)?;
            if end.is_multiple_of(ROW_GROUP_ROWS) || end == self.encoder.order.row_count() {
                self.close_group()?;
            }
            start = end;
        }
        Ok(())
    }

    fn write_rows(&mut self, window: &Window, rows: Range<usize>) -> Result<(), UpkeepError> {
        let failed = |error| self.encoder.failed(error);
        let mut writers = self.writers.iter_mut();
        for (number, field) in event_schema().fields()[self.columns.clone()].iter().enumerate() {
            let column = window.gather(number, rows.clone()).map_err(|error| failed(error.into()))?;
            for leaf in compute_leaves(field, &column).map_err(failed)? {
                writers.next().expect("each leaf has a writer").write(&leaf).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Writers for the leaves of the columns in a new row group.
    fn open_group(&self) -> Result<Vec<ArrowColumnWriter>, UpkeepError> {
        let failed = |error| self.encoder.failed(error);
        let all = self.encoder.factory.create_column_writers(self.chunks.len()).map_err(failed)?;
        let wanted =
            all.into_iter().zip(&self.encoder.leaf_columns).filter(|(_, column)| self.columns.contains(column));
        Ok(wanted.map(|(writer, _)| writer).collect())
    }

    fn close_group(&mut self) -> Result<(), UpkeepError> {
        let writers = std::mem::take(&mut self.writers).into_iter();
        let chunks = writers.map(ArrowColumnWriter::close).collect::<Result<_, _>>();
        self.chunks.push(chunks.map_err(|error| self.encoder.failed(error))?);
        Ok(())
    }
}
