//! Builders of the columns of an event batch.
//!
//! NULL is the usual value of most columns, so a NULL costs one addition: offsets and validity are filled in when
//! the next value arrives.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, ListArray, MapArray, StringArray, StructArray, TimestampMicrosecondArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::error::ArrowError;

use crate::model::RESOURCE;
use crate::scan::{Value, unescape};
use crate::schema::{UTC, map_entries, map_entry_fields, resource_element, resource_fields};

/// Which rows hold a value.
#[derive(Debug, Default)]
pub(crate) struct Validity {
    valid: Vec<bool>,
    nulls: usize,
}

impl Validity {
    fn push(&mut self, rows: usize) {
        self.nulls += rows - self.valid.len();
        self.valid.resize(rows, false);
        self.valid.push(true);
    }

    fn finish(&mut self, rows: usize) -> Option<NullBuffer> {
        self.nulls += rows - self.valid.len();
        let mut valid = std::mem::take(&mut self.valid);
        let nulls = std::mem::take(&mut self.nulls);
        if nulls == 0 {
            return None;
        }
        valid.resize(rows, false);
        Some(NullBuffer::new(BooleanBuffer::from(valid)))
    }
}

/// A column of text.
#[derive(Debug)]
pub(crate) struct TextColumn {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    validity: Validity,
    /// Bytes to make room for with the first value: as many as the batch before had, since growing step by step
    /// copies every text and leaves twice the memory that is needed.
    expected_bytes: usize,
}

impl Default for TextColumn {
    fn default() -> Self {
        Self::expecting(0)
    }
}

impl TextColumn {
    fn expecting(expected_bytes: usize) -> Self {
        Self { offsets: vec![0], bytes: Vec::new(), validity: Validity::default(), expected_bytes }
    }

    /// Sets row `row`, the next one that is not NULL, to what `write` appends.
    pub(crate) fn push_with<T>(&mut self, row: usize, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let end = self.bytes.len() as i32;
        if end == 0 {
            self.bytes.reserve(self.expected_bytes);
        }
        self.offsets.resize(row + 1, end);
        let result = write(&mut self.bytes);
        self.offsets.push(self.bytes.len() as i32);
        self.validity.push(row);
        result
    }

    pub(crate) fn push(&mut self, row: usize, text: &[u8]) {
        self.push_with(row, |bytes| bytes.extend_from_slice(text));
    }

    /// Sets row `row` to a string or, as written, a number or boolean; true where that gives the value back.
    pub(crate) fn push_value(&mut self, row: usize, value: &Value<'_>) -> bool {
        match *value {
            Value::Absent => true,
            Value::Text { raw, escaped: false } => {
                self.push(row, raw);
                true
            }
            Value::Text { raw, escaped: true } => self.push_with(row, |bytes| unescape(raw, bytes)),
            Value::Literal(raw) => {
                self.push(row, raw);
                false
            }
            Value::Null | Value::Nested { .. } => false,
        }
    }

    pub(crate) fn finish(&mut self, rows: usize) -> Result<StringArray, ArrowError> {
        let expected_bytes = self.bytes.len() + self.bytes.len() / 8;
        let mut column = std::mem::replace(self, Self::expecting(expected_bytes));
        column.offsets.resize(rows + 1, column.bytes.len() as i32);
        let nulls = column.validity.finish(rows);
        StringArray::try_new(
            OffsetBuffer::new(ScalarBuffer::from(column.offsets)),
            Buffer::from_vec(column.bytes),
            nulls,
        )
    }
}

/// A column of booleans.
#[derive(Debug, Default)]
pub(crate) struct BoolColumn {
    values: Vec<bool>,
    validity: Validity,
}

impl BoolColumn {
    pub(crate) fn push(&mut self, row: usize, value: bool) {
        self.values.resize(row, false);
        self.values.push(value);
        self.validity.push(row);
    }

    pub(crate) fn finish(&mut self, rows: usize) -> BooleanArray {
        let mut values = std::mem::take(&mut self.values);
        values.resize(rows, false);
        BooleanArray::new(BooleanBuffer::from(values), self.validity.finish(rows))
    }
}

/// A column of UTC microseconds.
#[derive(Debug, Default)]
pub(crate) struct TimeColumn {
    values: Vec<i64>,
    validity: Validity,
}

impl TimeColumn {
    pub(crate) fn push(&mut self, row: usize, micros: i64) {
        self.values.resize(row, 0);
        self.values.push(micros);
        self.validity.push(row);
    }

    pub(crate) fn finish(&mut self, rows: usize) -> TimestampMicrosecondArray {
        let mut values = std::mem::take(&mut self.values);
        values.resize(rows, 0);
        TimestampMicrosecondArray::new(ScalarBuffer::from(values), self.validity.finish(rows)).with_timezone(UTC)
    }
}

/// Validity of a struct column; its members are columns of their own.
#[derive(Debug, Default)]
pub(crate) struct StructColumn {
    validity: Validity,
}

impl StructColumn {
    pub(crate) fn push(&mut self, row: usize) {
        self.validity.push(row);
    }

    pub(crate) fn finish(&mut self, rows: usize) -> Option<NullBuffer> {
        self.validity.finish(rows)
    }
}

/// Ends of the rows of a list or map column.
#[derive(Debug)]
struct Lists {
    offsets: Vec<i32>,
    validity: Validity,
}

impl Default for Lists {
    fn default() -> Self {
        Self { offsets: vec![0], validity: Validity::default() }
    }
}

impl Lists {
    /// Notes that row `row` reaches from element `start` to element `end`.
    fn push(&mut self, row: usize, start: usize, end: usize) {
        self.offsets.resize(row + 1, start as i32);
        self.offsets.push(end as i32);
        self.validity.push(row);
    }

    fn finish(&mut self, rows: usize, elements: usize) -> (OffsetBuffer<i32>, Option<NullBuffer>) {
        let mut lists = std::mem::take(self);
        lists.offsets.resize(rows + 1, elements as i32);
        let nulls = lists.validity.finish(rows);
        (OffsetBuffer::new(ScalarBuffer::from(lists.offsets)), nulls)
    }
}

/// The `resources` column: a list of structs of text.
#[derive(Debug, Default)]
pub(crate) struct ResourceColumn {
    lists: Lists,
    elements: StructColumn,
    members: [TextColumn; RESOURCE.len()],
    count: usize,
}

impl ResourceColumn {
    /// Sets row `row` to a list of elements; `None` stands for an element that is no object.
    ///
    /// Returns whether every value can be given back as it was.
    pub(crate) fn push(&mut self, row: usize, list: &[Option<[Value<'_>; RESOURCE.len()]>]) -> bool {
        let start = self.count;
        let mut exact = true;
        for element in list {
            match element {
                Some(values) => {
                    self.elements.push(self.count);
                    for (column, value) in self.members.iter_mut().zip(values) {
                        exact &= column.push_value(self.count, value);
                    }
                }
                None => exact = false,
            }
            self.count += 1;
        }
        self.lists.push(row, start, self.count);
        exact
    }

    pub(crate) fn finish(&mut self, rows: usize) -> Result<ListArray, ArrowError> {
        let count = std::mem::take(&mut self.count);
        let members = self
            .members
            .iter_mut()
            .map(|m| Ok(Arc::new(m.finish(count)?) as ArrayRef))
            .collect::<Result<_, ArrowError>>()?;
        let elements =
            StructArray::try_new_with_length(resource_fields(), members, self.elements.finish(count), count)?;
        let (offsets, nulls) = self.lists.finish(rows, count);
        ListArray::try_new(resource_element(), offsets, Arc::new(elements), nulls)
    }
}

/// A column of maps from text to text.
#[derive(Debug, Default)]
pub(crate) struct MapColumn {
    lists: Lists,
    keys: TextColumn,
    values: TextColumn,
    count: usize,
}

impl MapColumn {
    /// Sets row `row`; returns whether every value can be given back as it was.
    pub(crate) fn push(&mut self, row: usize, entries: &[((&[u8], bool), Value<'_>)]) -> bool {
        let start = self.count;
        let mut exact = true;
        for ((key, escaped), value) in entries {
            exact &= self.keys.push_value(self.count, &Value::Text { raw: key, escaped: *escaped });
            exact &= self.values.push_value(self.count, value);
            self.count += 1;
        }
        self.lists.push(row, start, self.count);
        exact
    }

    pub(crate) fn finish(&mut self, rows: usize) -> Result<MapArray, ArrowError> {
        let count = std::mem::take(&mut self.count);
        let columns: Vec<ArrayRef> = vec![Arc::new(self.keys.finish(count)?), Arc::new(self.values.finish(count)?)];
        let entries = StructArray::try_new_with_length(map_entry_fields(), columns, None, count)?;
        let (offsets, nulls) = self.lists.finish(rows, count);
        MapArray::try_new(map_entries(), offsets, entries, nulls, false)
    }
}
