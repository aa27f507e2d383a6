//! One line per value: a row of `cloudtrail_logs` has fifty columns, which no screen shows side by side.

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use unicode_width::UnicodeWidthStr;

use super::cell::{CellStyle, Cells};
use super::printable::printable;
use super::{FormatError, ResultWriter};

/// Writes `name │ value` lines in one block per row.
pub(super) struct VerticalWriter<W> {
    out: W,
    schema: SchemaRef,
    labels: Vec<String>,
    style: CellStyle,
    rows_written: usize,
}

impl<W: Write> VerticalWriter<W> {
    pub(super) fn new(out: W, schema: SchemaRef) -> Self {
        let names: Vec<_> = schema.fields().iter().map(|field| printable(field.name()).into_owned()).collect();
        let width = names.iter().map(|name| name.width()).max().unwrap_or(0);
        let labels = names.iter().map(|name| format!("{name}{}", " ".repeat(width - name.width()))).collect();
        Self { out, schema, labels, style: CellStyle::default(), rows_written: 0 }
    }
}

impl<W: Write + Send> ResultWriter for VerticalWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let mut cells = Cells::try_new(batch, &self.schema, &self.style)?;
        let mut text = String::new();
        for row in 0..cells.rows() {
            self.rows_written += 1;
            writeln!(self.out, "── row {} ──", self.rows_written)?;
            for (column, label) in self.labels.iter().enumerate() {
                let value = if cells.read(row, column, &mut text)? { printable(&text) } else { "NULL".into() };
                writeln!(self.out, "{}", format!("{label} │ {value}").trim_end())?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        if self.rows_written == 0 {
            writeln!(self.out, "── no rows ──")?;
        }
        Ok(self.out.flush()?)
    }
}
