//! Values as text: plain for scalars, JSON for structs, lists and maps.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, NullableEncoder, make_encoder};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::map_keys;

/// Settings that every [`Cells`] of a result shares; the encoders borrow them.
pub(super) struct CellStyle {
    json: EncoderOptions,
    plain: FormatOptions<'static>,
}

impl Default for CellStyle {
    fn default() -> Self {
        // Members that are NULL are left out: a `useridentity` has dozens of them.
        Self { json: map_keys::options(), plain: FormatOptions::new() }
    }
}

/// The cells of one batch.
pub(super) struct Cells<'a> {
    columns: Vec<CellColumn<'a>>,
    rows: usize,
}

impl<'a> Cells<'a> {
    /// Prepares the columns of `batch`, whose schema is `schema`.
    pub(super) fn try_new(
        batch: &'a RecordBatch,
        schema: &'a SchemaRef,
        style: &'a CellStyle,
    ) -> Result<Self, ArrowError> {
        let columns = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, array)| CellColumn::try_new(field, array, style))
            .collect::<Result<_, ArrowError>>()?;
        Ok(Self { columns, rows: batch.num_rows() })
    }

    /// Returns the number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Puts the text of one cell into `out`, which is cleared first; `false` if it is NULL.
    pub(super) fn read(&mut self, row: usize, column: usize, out: &mut String) -> Result<bool, ArrowError> {
        self.columns[column].read(row, out)
    }
}

/// Says whether a column holds text, which is where log data can hide formulas and control characters.
pub(super) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_text(value),
        other => !is_numeric(other) && !matches!(other, DataType::Boolean | DataType::Null) && !other.is_temporal(),
    }
}

/// Says whether a column is aligned to the right.
pub(super) fn is_numeric(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_numeric(value),
        other => other.is_numeric(),
    }
}

/// The cells of one column of one batch.
pub(super) struct CellColumn<'a> {
    nulls: Option<NullBuffer>,
    text: CellText<'a>,
}

impl<'a> CellColumn<'a> {
    pub(super) fn try_new(field: &'a FieldRef, array: &'a ArrayRef, style: &'a CellStyle) -> Result<Self, ArrowError> {
        let text = if is_nested(array.data_type()) {
            CellText::Json(make_encoder(field, array.as_ref(), &style.json)?)
        } else {
            CellText::Plain(ArrayFormatter::try_new(array.as_ref(), &style.plain)?)
        };
        Ok(Self { nulls: array.logical_nulls(), text })
    }

    /// Puts the text of one cell into `out`, which is cleared first; `false` if it is NULL.
    pub(super) fn read(&mut self, row: usize, out: &mut String) -> Result<bool, ArrowError> {
        out.clear();
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(false);
        }
        match &mut self.text {
            CellText::Plain(formatter) => formatter.value(row).write(out)?,
            CellText::Json(encoder) => {
                let mut bytes = Vec::new();
                encoder.encode(row, &mut bytes);
                out.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        Ok(true)
    }
}

enum CellText<'a> {
    Plain(ArrayFormatter<'a>),
    Json(NullableEncoder<'a>),
}

fn is_nested(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, value) => is_nested(value),
        other => other.is_nested(),
    }
}
