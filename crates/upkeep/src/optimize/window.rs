//! Neighbouring columns of neighbouring rows of the file to be, gathered from all its inputs in bounded memory.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, interleave};
use parquet::arrow::arrow_reader::RowSelection;

use super::input::Input;
use super::order::Order;
use crate::error::UpkeepError;

/// Decoded columns for a range of places.
#[derive(Debug)]
pub(super) struct Window {
    rows: Range<usize>,
    pieces: Vec<Piece>,
    /// By place, from the start of the range: which piece, and which row of it.
    sources: Vec<(usize, usize)>,
}

/// Some rows of one input.
#[derive(Debug)]
struct Piece {
    batch: RecordBatch,
    /// Where each row goes.
    places: Vec<u32>,
}

impl Window {
    /// Decodes columns for the places from the start of `rows`, for as many of them as fit into `limit_bytes`.
    ///
    /// The caller asks for what should fit. Where the values of these rows are far larger than those of others, the range is
    /// halved until it fits, but for a single row.
    pub(super) fn decode(
        inputs: &[Input],
        order: &Order,
        columns: Range<usize>,
        mut rows: Range<usize>,
        limit_bytes: usize,
    ) -> Result<Self, UpkeepError> {
        // What is asked for is an estimate, and halving decodes for nothing what it drops.
        let limit_bytes = limit_bytes + limit_bytes / 4;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut bytes = 0;
        for (file, input) in inputs.iter().enumerate() {
            let places = order.places(file);
            let wanted = order.rows_into(file, &rows);
            let count: usize = wanted.iter().map(Range::len).sum();
            if count == 0 {
                continue;
            }
            let selection = (count < places.len())
                .then(|| RowSelection::from_consecutive_ranges(wanted.iter().cloned(), places.len()));
            let mut places = wanted.into_iter().flatten().map(|row| places[row]);
            for batch in input.read(columns.clone(), selection)? {
                let batch = batch?;
                let places = places.by_ref().take(batch.num_rows()).collect();
                let piece = Piece { batch, places }.within(&rows, input)?;
                bytes += piece.size_bytes();
                pieces.push(piece);
                while bytes > limit_bytes && rows.len() > 1 {
                    rows.end = rows.start + rows.len().div_ceil(2);
                    pieces = pieces.into_iter().map(|piece| piece.within(&rows, input)).collect::<Result<_, _>>()?;
                    bytes = pieces.iter().map(Piece::size_bytes).sum();
                }
            }
        }
        pieces.retain(|piece| !piece.places.is_empty());
        Ok(Self::new(rows, pieces))
    }

    fn new(rows: Range<usize>, pieces: Vec<Piece>) -> Self {
        let mut sources = vec![(0, 0); rows.len()];
        for (number, piece) in pieces.iter().enumerate() {
            for (row, place) in piece.places.iter().enumerate() {
                sources[*place as usize - rows.start] = (number, row);
            }
        }
        Self { rows, pieces, sources }
    }

    /// The places that were decoded.
    pub(super) fn rows(&self) -> Range<usize> {
        self.rows.clone()
    }

    /// Memory that the decoded columns take.
    pub(super) fn size_bytes(&self) -> usize {
        self.pieces.iter().map(Piece::size_bytes).sum()
    }

    /// One column of some places of the window, in their order.
    pub(super) fn gather(&self, column: usize, rows: Range<usize>) -> Result<ArrayRef, arrow::error::ArrowError> {
        let arrays: Vec<&dyn Array> = self.pieces.iter().map(|piece| piece.batch.column(column).as_ref()).collect();
        interleave(&arrays, &self.sources[rows.start - self.rows.start..rows.end - self.rows.start])
    }
}

impl Piece {
    /// Drops the rows that go elsewhere.
    fn within(mut self, rows: &Range<usize>, input: &Input) -> Result<Self, UpkeepError> {
        let stays = |place: &u32| rows.contains(&(*place as usize));
        if !self.places.iter().all(stays) {
            let mask = BooleanArray::from_iter(self.places.iter().map(|place| Some(stays(place))));
            let batch = filter_record_batch(&self.batch, &mask);
            self.batch = batch.map_err(|error| UpkeepError::parquet("reading", input.path(), error))?;
            self.places.retain(stays);
        }
        Ok(self)
    }

    fn size_bytes(&self) -> usize {
        self.batch.get_array_memory_size()
    }
}
