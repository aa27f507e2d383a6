//! A small HTML page with one table. Values are escaped; no script, nothing loaded from elsewhere.

use std::io::Write;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::cell::{CellStyle, Cells, is_numeric};
use super::{FormatError, ResultWriter};

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>trailql</title>\n<style>
body { font: 14px/1.4 system-ui, sans-serif; }
table { border-collapse: collapse; }
th, td { border: 1px solid #ccc; padding: 2px 8px; text-align: left; vertical-align: top; }
.n { text-align: right; }
.null { color: #999; }
</style>\n<table>\n";

/// Writes `<tr>` lines between the head and the foot of the page.
pub(super) struct HtmlWriter<W> {
    out: W,
    schema: SchemaRef,
    style: CellStyle,
    has_header: bool,
}

impl<W: Write> HtmlWriter<W> {
    pub(super) fn new(out: W, schema: SchemaRef) -> Self {
        Self { out, schema, style: CellStyle::default(), has_header: false }
    }

    fn header(&mut self) -> Result<(), FormatError> {
        if self.has_header {
            return Ok(());
        }
        self.has_header = true;
        let mut line = String::from("<thead><tr>");
        for field in self.schema.fields() {
            line.push_str(if is_numeric(field.data_type()) { "<th class=\"n\">" } else { "<th>" });
            push_escaped(&mut line, field.name());
            line.push_str("</th>");
        }
        Ok(writeln!(self.out, "{HEAD}{line}</tr></thead>\n<tbody>")?)
    }
}

impl<W: Write + Send> ResultWriter for HtmlWriter<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError> {
        self.header()?;
        let mut cells = Cells::try_new(batch, &self.schema, &self.style)?;
        let mut text = String::new();
        for row in 0..cells.rows() {
            let mut line = String::from("<tr>");
            for (column, field) in self.schema.fields().iter().enumerate() {
                if cells.read(row, column, &mut text)? {
                    line.push_str(if is_numeric(field.data_type()) { "<td class=\"n\">" } else { "<td>" });
                    push_escaped(&mut line, &text);
                    line.push_str("</td>");
                } else {
                    line.push_str("<td class=\"null\">NULL</td>");
                }
            }
            writeln!(self.out, "{line}</tr>")?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), FormatError> {
        self.header()?;
        writeln!(self.out, "</tbody>\n</table>\n</html>")?;
        Ok(self.out.flush()?)
    }
}

fn push_escaped(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}
