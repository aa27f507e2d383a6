//! The frame that CSV and TSV share: a header line, then one line per row.

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::cell::{CellStyle, Cells, is_text};
use super::{FormatError, ResultWriter};

/// How one cell and one line are spelt.
pub(super) trait Delimited: Send {
    /// What stands between two cells.
    const SEPARATOR: &'static str;

    /// What ends a line.
    const LINE_END: &'static str;

    /// Appends a cell that is not NULL; NULL is nothing at all.
    fn push(&self, line: &mut String, cell: &str, is_text: bool);
}

/// Writes rows of separated cells.
pub(super) struct DelimitedWriter<W, D> {
    out: W,
    schema: SchemaRef,
    dialect: D,
    style: CellStyle,
    has_header: bool,
}

impl<W: Write, D: Delimited> DelimitedWriter<W, D> {
    pub(super) fn new(out: W, schema: SchemaRef, dialect: D) -> Self {
        Self { out, schema, dialect, style: CellStyle::default(), has_header: false }
    }

    fn header(&mut self) -> Result<(), FormatError> {
        if self.has_header {
            return Ok(());
        }
        self.has_header = true;
        let mut line = String::new();
        for (index, field) in self.schema.fields().iter().enumerate() {
            if index > 0 {
                line.push_str(D::SEPARATOR);
            }
            self.dialect.push(&mut line, field.name(), true);
        }
        line.push_str(D::LINE_END);
        Ok(self.out.write_all(line.as_bytes())?)
    }
}

impl<W: Write + Send, D: Delimited> ResultWriter for DelimitedWriter<W, D> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        self.header()?;
        let are_text: Vec<bool> = self.schema.fields().iter().map(|field| is_text(field.data_type())).collect();
        let mut cells = Cells::try_new(batch, &self.schema, &self.style)?;
        let (mut line, mut cell) = (String::new(), String::new());
        for row in 0..cells.rows() {
            line.clear();
            for (column, &is_text) in are_text.iter().enumerate() {
                if column > 0 {
                    line.push_str(D::SEPARATOR);
                }
                if cells.read(row, column, &mut cell)? {
                    self.dialect.push(&mut line, &cell, is_text);
                }
            }
            line.push_str(D::LINE_END);
            self.out.write_all(line.as_bytes())?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        self.header()?;
        Ok(self.out.flush()?)
    }
}
