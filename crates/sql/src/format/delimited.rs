//! The frame that CSV and TSV share: a header line, then one line per row.
//!
//! Exports of many millions of rows go through here, so nothing is allocated for a cell, and text passes from the column
//! to the line without a stop.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringViewArray, TimestampMicrosecondArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::FormatError;
use super::cell::{CellColumn, CellStyle, is_text};
use super::chunk::ChunkEncoder;
use super::instant::push_instant;

/// How one cell and one line are spelt.
pub(super) trait Spelling: Send + Sync {
    /// What ends a line.
    const LINE_END: &'static [u8];

    /// What stands between two cells.
    fn separator(&self) -> u8;

    /// Appends a cell that is not NULL; `is_text` if it is of a column that may hold anything.
    fn push(&self, line: &mut Vec<u8>, cell: &str, is_text: bool);

    /// Appends NULL.
    fn push_null(&self, line: &mut Vec<u8>);
}

/// Writes rows of separated cells.
pub(super) struct Delimited<S> {
    schema: SchemaRef,
    spelling: S,
    has_header: bool,
    style: CellStyle,
}

impl<S: Spelling> Delimited<S> {
    pub(super) fn new(schema: SchemaRef, spelling: S, has_header: bool) -> Self {
        Self { schema, spelling, has_header, style: CellStyle::default() }
    }
}

impl<S: Spelling> ChunkEncoder for Delimited<S> {
    fn head(&self, out: &mut Vec<u8>) {
        if !self.has_header {
            return;
        }
        for (index, field) in self.schema.fields().iter().enumerate() {
            if index > 0 {
                out.push(self.spelling.separator());
            }
            self.spelling.push(out, field.name(), true);
        }
        out.extend_from_slice(S::LINE_END);
    }

    fn rows(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), FormatError> {
        let columns = self.schema.fields().iter().zip(batch.columns());
        let mut columns = columns
            .map(|(field, array)| Column::try_new(field, array, &self.style))
            .collect::<Result<Vec<_>, ArrowError>>()?;
        let mut cell = String::new();
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter_mut().enumerate() {
                if index > 0 {
                    out.push(self.spelling.separator());
                }
                column.push(row, &self.spelling, out, &mut cell)?;
            }
            out.extend_from_slice(S::LINE_END);
        }
        Ok(())
    }
}

/// One column of a batch, with a short way for the types that most cells have.
struct Column<'a> {
    nulls: Option<NullBuffer>,
    values: Values<'a>,
    is_text: bool,
}

enum Values<'a> {
    View(&'a StringViewArray),
    Text(&'a arrow::array::StringArray),
    /// Texts by key.
    Keyed(Vec<usize>, ArrayRef),
    Integer(&'a Int64Array),
    Boolean(&'a BooleanArray),
    /// Moments in UTC, and a slower way for those that have no year of four digits.
    Instant(&'a TimestampMicrosecondArray, CellColumn<'a>),
    Other(CellColumn<'a>),
}

impl<'a> Column<'a> {
    fn try_new(field: &'a FieldRef, array: &'a ArrayRef, style: &'a CellStyle) -> Result<Self, ArrowError> {
        let other = || CellColumn::try_new(field, array, style);
        let values = match array.data_type() {
            DataType::Utf8View => Values::View(array.as_string_view()),
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::Int64 => Values::Integer(array.as_primitive::<Int64Type>()),
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == "UTC" => {
                Values::Instant(array.as_primitive::<TimestampMicrosecondType>(), other()?)
            }
            DataType::Dictionary(_, value) if **value == DataType::Utf8 => match array.as_any_dictionary_opt() {
                Some(keyed) => Values::Keyed(keyed.normalized_keys(), ArrayRef::clone(keyed.values())),
                None => Values::Other(other()?),
            },
            _ => Values::Other(other()?),
        };
        Ok(Self { nulls: array.logical_nulls(), values, is_text: is_text(array.data_type()) })
    }

    /// Appends one cell; `text` is room that other types need.
    fn push(
        &mut self,
        row: usize,
        spelling: &impl Spelling,
        out: &mut Vec<u8>,
        text: &mut String,
    ) -> Result<(), ArrowError> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            spelling.push_null(out);
            return Ok(());
        }
        match &mut self.values {
            Values::View(array) => spelling.push(out, array.value(row), true),
            Values::Text(array) => spelling.push(out, array.value(row), true),
            Values::Keyed(keys, values) => spelling.push(out, values.as_string::<i32>().value(keys[row]), true),
            Values::Integer(array) => out.extend_from_slice(itoa::Buffer::new().format(array.value(row)).as_bytes()),
            Values::Boolean(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
            Values::Instant(array, slow) => {
                if !push_instant(array.value(row), out) {
                    slow.read(row, text)?;
                    spelling.push(out, text, false);
                }
            }
            Values::Other(column) => {
                column.read(row, text)?;
                spelling.push(out, text, self.is_text);
            }
        }
        Ok(())
    }
}
