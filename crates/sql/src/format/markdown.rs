//! A table in GitHub's Markdown, for issues and wikis. Values cannot break out of their cell.

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::cell::{CellStyle, Cells, is_numeric};
use super::printable::is_unsafe;
use super::{FormatError, ResultWriter};

/// Writes `| a | b |` lines.
pub(super) struct MarkdownWriter<W> {
    out: W,
    schema: SchemaRef,
    style: CellStyle,
    has_header: bool,
}

impl<W: Write> MarkdownWriter<W> {
    pub(super) fn new(out: W, schema: SchemaRef) -> Self {
        Self { out, schema, style: CellStyle::default(), has_header: false }
    }

    fn header(&mut self) -> Result<(), FormatError> {
        if self.has_header {
            return Ok(());
        }
        self.has_header = true;
        let (mut names, mut rules) = (String::from("|"), String::from("|"));
        for field in self.schema.fields() {
            names.push(' ');
            push_escaped(&mut names, field.name());
            names.push_str(" |");
            rules.push_str(if is_numeric(field.data_type()) { " ---: |" } else { " --- |" });
        }
        Ok(writeln!(self.out, "{names}\n{rules}")?)
    }
}

impl<W: Write + Send> ResultWriter for MarkdownWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        self.header()?;
        let mut cells = Cells::try_new(batch, &self.schema, &self.style)?;
        let mut text = String::new();
        for row in 0..cells.rows() {
            let mut line = String::from("|");
            for column in 0..self.schema.fields().len() {
                line.push(' ');
                if cells.read(row, column, &mut text)? {
                    push_escaped(&mut line, &text);
                }
                line.push_str(" |");
            }
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        self.header()?;
        Ok(self.out.flush()?)
    }
}

/// Escapes what Markdown or its HTML would act on: links, images and tags in log data included.
fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' => {
                out.push('\\');
                out.push(character);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\n' => out.push_str("<br>"),
            other if is_unsafe(other) => out.push(' '),
            other => out.push(other),
        }
    }
}
