//! Aligned columns for reading.
//!
//! The first rows are held back to size the columns; the rest streams in those widths.

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::cell::{CellStyle, Cells, is_numeric};
use super::printable::printable;
use super::{FormatError, ResultWriter};

/// Rows that decide the widths: enough for a screen many times over, little to hold.
const SIZING_ROWS: usize = 1_000;

/// What stands for NULL, which an empty text is not.
const NULL: &str = "NULL";

/// Writes `a │ b` lines under a ruled header.
pub(super) struct TableWriter<W> {
    out: W,
    schema: SchemaRef,
    style: CellStyle,
    max_cell_width: Option<usize>,
    held: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
    /// The rows are plans of `EXPLAIN`: trees, whose lines have to stay lines.
    is_plan: bool,
}

impl<W: Write> TableWriter<W> {
    pub(super) fn new(out: W, schema: SchemaRef, max_cell_width: Option<usize>) -> Self {
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let is_plan = names.eq(["plan_type", "plan"]);
        Self { out, schema, style: CellStyle::default(), max_cell_width, held: Vec::new(), widths: None, is_plan }
    }

    /// Sizes the columns by the held rows, then writes the header and these rows.
    fn start(&mut self) -> Result<(), FormatError> {
        let names: Vec<String> = self.schema.fields().iter().map(|f| printable(f.name()).into_owned()).collect();
        let mut widths: Vec<usize> = names.iter().map(|name| name.width()).collect();
        for row in &self.held {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        self.write_line(&names, &widths)?;
        let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        writeln!(self.out, "{}", rules.join("─┼─"))?;
        for row in std::mem::take(&mut self.held) {
            self.write_line(&row, &widths)?;
        }
        self.widths = Some(widths);
        Ok(())
    }

    /// Holds a line back while the columns have no widths yet, else writes it.
    fn push_line(&mut self, line: Vec<String>) -> Result<(), FormatError> {
        if let Some(widths) = self.widths.take() {
            self.write_line(&line, &widths)?;
            self.widths = Some(widths);
            return Ok(());
        }
        self.held.push(line);
        if self.held.len() == SIZING_ROWS {
            self.start()?;
        }
        Ok(())
    }

    fn write_line(&mut self, cells: &[String], widths: &[usize]) -> Result<(), FormatError> {
        let mut line = String::new();
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            if index > 0 {
                line.push_str(" │ ");
            }
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            if is_numeric(self.schema.field(index).data_type()) {
                line.push_str(&padding);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&padding);
            }
        }
        Ok(writeln!(self.out, "{}", line.trim_end())?)
    }
}

impl<W: Write + Send> ResultWriter for TableWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        let schema = self.schema.clone();
        let style = std::mem::take(&mut self.style);
        let mut cells = Cells::try_new(batch, &schema, &style)?;
        let mut text = String::new();
        for row in 0..cells.rows() {
            if self.is_plan {
                cells.read(row, 0, &mut text)?;
                let mut kind = printable(&text).into_owned();
                cells.read(row, 1, &mut text)?;
                for line in text.lines() {
                    self.push_line(vec![std::mem::take(&mut kind), printable(line).into_owned()])?;
                }
                continue;
            }
            let mut line = Vec::with_capacity(schema.fields().len());
            for column in 0..schema.fields().len() {
                let is_null = !cells.read(row, column, &mut text)?;
                line.push(if is_null { NULL.to_owned() } else { cut(&printable(&text), self.max_cell_width) });
            }
            self.push_line(line)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        if self.widths.is_none() {
            self.start()?;
        }
        Ok(self.out.flush()?)
    }
}

/// Shortens `text` to `max` terminal columns, the last of them an ellipsis.
fn cut(text: &str, max: Option<usize>) -> String {
    let Some(max) = max.filter(|max| text.width() > *max) else { return text.to_owned() };
    let mut width = 1;
    let mut out = String::new();
    for character in text.chars() {
        width += character.width().unwrap_or(0);
        if width > max {
            break;
        }
        out.push(character);
    }
    out.push('…');
    out
}
