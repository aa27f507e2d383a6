//! Where each row of the merged files goes.

use std::collections::HashMap;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::row::{RowConverter, SortField};
use trailql_lake::file_format::{SORT_COLUMNS, column_at};

use super::input::Input;
use crate::error::UpkeepError;

/// Sort columns that hold text; the last one is the time.
const TEXT_COLUMNS: &[&[&str]] = SORT_COLUMNS.split_last().expect("there are sort columns").1;

/// A permutation: the rows of several files in the order of one.
#[derive(Debug)]
pub(super) struct Order {
    /// By file: where each of its rows goes.
    places: Vec<Vec<u32>>,
    row_count: usize,
}

/// What a row is sorted by; equal rows keep the order of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SortKey {
    /// Rank of the row's texts among those of all rows.
    texts: u32,
    /// Microseconds; the least value stands for NULL, which comes first.
    time: i64,
    file: u32,
    row: u32,
}

impl Order {
    /// Sorts the rows of `inputs` as the rows of a data file are.
    pub(super) fn of(inputs: &[Input]) -> Result<Self, UpkeepError> {
        let mut texts = Texts::new();
        let mut keys: Vec<SortKey> = Vec::with_capacity(inputs.iter().map(Input::row_count).sum());
        for (file, input) in inputs.iter().enumerate() {
            let first = keys.len();
            for batch in input.read_leaves(&SORT_COLUMNS)? {
                let batch = batch?;
                let numbers =
                    texts.numbers(&batch).map_err(|error| UpkeepError::parquet("reading", input.path(), error))?;
                for (text, time) in numbers.into_iter().zip(times(&batch)) {
                    keys.push(SortKey { texts: text, time, file: file as u32, row: (keys.len() - first) as u32 });
                }
            }
        }
        let ranks = texts.ranks();
        for key in &mut keys {
            key.texts = ranks[key.texts as usize];
        }
        // The stable sort finds the runs that are sorted already, and most files are.
        keys.sort();
        let mut places: Vec<Vec<u32>> = inputs.iter().map(|input| vec![0; input.row_count()]).collect();
        for (place, key) in keys.iter().enumerate() {
            places[key.file as usize][key.row as usize] = place as u32;
        }
        Ok(Self { places, row_count: keys.len() })
    }

    /// Rows of all files.
    pub(super) fn row_count(&self) -> usize {
        self.row_count
    }

    /// Where each row of a file goes.
    pub(super) fn places(&self, file: usize) -> &[u32] {
        &self.places[file]
    }

    /// The rows of a file that go into a range of places, as ranges.
    pub(super) fn rows_into(&self, file: usize, range: &Range<usize>) -> Vec<Range<usize>> {
        let mut rows: Vec<Range<usize>> = Vec::new();
        for (row, _) in self.places[file].iter().enumerate().filter(|(_, place)| range.contains(&(**place as usize))) {
            match rows.last_mut() {
                Some(last) if last.end == row => last.end += 1,
                _ => rows.push(row..row + 1),
            }
        }
        rows
    }
}

/// The distinct combinations of the text columns, numbered as they come.
struct Texts {
    converter: RowConverter,
    numbers: HashMap<Box<[u8]>, u32>,
}

impl Texts {
    fn new() -> Self {
        let fields = vec![SortField::new(DataType::Utf8); TEXT_COLUMNS.len()];
        let converter = RowConverter::new(fields).expect("text can be a row key");
        Self { converter, numbers: HashMap::new() }
    }

    fn numbers(&mut self, batch: &RecordBatch) -> Result<Vec<u32>, arrow::error::ArrowError> {
        let column = |path: &&[&str]| -> ArrayRef {
            column_at(batch, path).unwrap_or_else(|| new_null_array(&DataType::Utf8, batch.num_rows()))
        };
        let columns: Vec<ArrayRef> = TEXT_COLUMNS.iter().map(column).collect();
        let rows = self.converter.convert_columns(&columns)?;
        let mut numbers: Vec<u32> = Vec::with_capacity(batch.num_rows());
        for row in 0..rows.num_rows() {
            // In a sorted file most rows have the texts of the row before.
            let again = numbers.last().copied().filter(|_| rows.row(row) == rows.row(row - 1));
            numbers.push(again.unwrap_or_else(|| self.number(rows.row(row).as_ref())));
        }
        Ok(numbers)
    }

    fn number(&mut self, texts: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(texts) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(texts.into(), number);
        number
    }

    /// By number: the place among all combinations when they are sorted.
    fn ranks(self) -> Vec<u32> {
        let mut sorted: Vec<(Box<[u8]>, u32)> = self.numbers.into_iter().collect();
        sorted.sort_unstable();
        let mut ranks = vec![0; sorted.len()];
        for (rank, (_, number)) in sorted.iter().enumerate() {
            ranks[*number as usize] = rank as u32;
        }
        ranks
    }
}

/// The time of every row.
fn times(batch: &RecordBatch) -> Vec<i64> {
    let column = SORT_COLUMNS.last().and_then(|path| column_at(batch, path));
    let Some(column) = column else { return vec![i64::MIN; batch.num_rows()] };
    let times = column.as_primitive::<TimestampMicrosecondType>();
    (0..times.len()).map(|row| if times.is_valid(row) { times.value(row) } else { i64::MIN }).collect()
}
