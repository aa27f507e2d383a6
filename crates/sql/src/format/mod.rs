//! Output formats: one file each, all writing batch by batch in bounded memory.
//!
//! A [`ResultWriter`] takes the batches of one result. Text for people (`table`, `vertical`) never passes a control
//! character of the logs on to the terminal; see [`printable`].

mod arrow;
mod cell;
mod chunk;
mod csv;
mod delimited;
mod html;
mod instant;
mod json;
mod map_keys;
mod markdown;
mod names;
mod parquet;
mod printable;
mod table;
mod terminal;
mod vertical;

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use ::arrow::datatypes::SchemaRef;
use ::arrow::error::ArrowError;
use ::arrow::record_batch::RecordBatch;
use ::parquet::errors::ParquetError;

pub(crate) use chunk::ChunkEncoder;
pub use printable::printable;
pub use terminal::TerminalGuard;

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Aligned columns for reading.
    Table,
    /// Comma-separated values, RFC 4180.
    Csv,
    /// Tab-separated values with backslash escapes.
    Tsv,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Jsonl,
    /// A table in GitHub's Markdown.
    Markdown,
    /// One line per value, for rows too wide to read side by side.
    Vertical,
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC file.
    Arrow,
    /// An HTML page with one table.
    Html,
}

impl Format {
    /// Every format, in the order that help shows.
    pub const ALL: [Self; 10] = [
        Self::Table,
        Self::Csv,
        Self::Tsv,
        Self::Json,
        Self::Jsonl,
        Self::Markdown,
        Self::Vertical,
        Self::Parquet,
        Self::Arrow,
        Self::Html,
    ];

    /// Returns the name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Markdown => "markdown",
            Self::Vertical => "vertical",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Html => "html",
        }
    }

    /// Says whether the output is bytes that no terminal should get, and one file holds one result only.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }

    /// Returns what file names end in, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Table | Self::Vertical => "txt",
            Self::Markdown => "md",
            other => other.name(),
        }
    }

    /// Tells by the end of a file's name, an ending for its compression aside.
    pub fn of_file_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let plain = [".gz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        match plain.rsplit_once('.')?.1 {
            "ndjson" => Some(Self::Jsonl),
            "htm" => Some(Self::Html),
            ending => Self::ALL.into_iter().find(|format| format.extension() == ending && ending != "txt"),
        }
    }

    /// Returns how batches are written without each other, for the formats in which they can be.
    pub(crate) fn chunks(self, schema: &SchemaRef, options: &FormatOptions) -> Option<Arc<dyn ChunkEncoder>> {
        let schema = || SchemaRef::clone(schema);
        Some(match self {
            Self::Csv => Arc::new(delimited::Delimited::new(schema(), csv::Csv::new(options), !options.no_header)),
            Self::Tsv => Arc::new(delimited::Delimited::new(schema(), csv::Tsv::new(options), !options.no_header)),
            Self::Jsonl => Arc::new(json::JsonLines::new(&schema())),
            _ => return None,
        })
    }

    /// Starts a result of `schema` on `out`.
    pub fn writer<'a>(
        self,
        out: Box<dyn Write + Send + 'a>,
        schema: SchemaRef,
        options: &FormatOptions,
    ) -> Result<Box<dyn ResultWriter + 'a>, FormatError> {
        if let Some(encoder) = self.chunks(&schema, options) {
            return Ok(Box::new(chunk::ChunkWriter::new(out, encoder)));
        }
        Ok(match self {
            Self::Table => Box::new(table::TableWriter::new(out, schema, options.max_cell_width)),
            Self::Json | Self::Csv | Self::Tsv | Self::Jsonl => Box::new(json::JsonArrayWriter::new(out, &schema)),
            Self::Markdown => Box::new(markdown::MarkdownWriter::new(out, schema)),
            Self::Vertical => Box::new(vertical::VerticalWriter::new(out, schema)),
            Self::Parquet => Box::new(parquet::ParquetWriter::try_new(out, schema, options.parquet)?),
            Self::Arrow => Box::new(arrow::ArrowWriter::try_new(out, schema)?),
            Self::Html => Box::new(html::HtmlWriter::new(out, schema)),
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

/// What the user may choose about a format.
#[derive(Debug, Clone, Default)]
pub struct FormatOptions {
    /// Leaves CSV and TSV cells alone that a spreadsheet would run as a formula.
    pub csv_verbatim: bool,
    /// Cuts longer cells of `table`, counted in terminal columns.
    pub max_cell_width: Option<usize>,
    /// Leaves out the line of column names in CSV and TSV.
    pub no_header: bool,
    /// What stands for NULL in CSV and TSV; empty by default.
    pub null_text: String,
    /// An ASCII character in place of CSV's comma.
    pub csv_separator: Option<u8>,
    /// How the pages of a Parquet file are compressed.
    pub parquet: ParquetCompression,
}

/// How the pages of a Parquet file are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ParquetCompression {
    /// With zstd at level 1.
    #[default]
    Zstd,
    /// With Snappy.
    Snappy,
    /// Not at all.
    None,
}

/// Takes the batches of one result.
pub trait ResultWriter: Send {
    /// Writes one batch; the header, if the format has one, precedes the first.
    fn write(&mut self, batch: &RecordBatch) -> Result<(), FormatError>;

    /// Ends the result. A result without batches gets its header here.
    fn finish(&mut self) -> Result<(), FormatError>;
}

/// A result could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The output refused the bytes.
    #[error("writing the result")]
    Io(#[from] io::Error),
    /// A value or type has no form in the format.
    #[error("encoding the result")]
    Arrow(#[from] ArrowError),
    /// The Parquet writer failed.
    #[error("encoding the result as Parquet")]
    Parquet(#[from] ParquetError),
}

impl FormatError {
    /// Says whether the reader at the other end of a pipe went away: a quiet end, no failure.
    pub fn is_broken_pipe(&self) -> bool {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = next {
            if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
                return true;
            }
            next = match error.downcast_ref::<ParquetError>() {
                Some(ParquetError::External(inner)) => Some(inner.as_ref()),
                _ => error.source(),
            };
        }
        false
    }
}

/// A format name that does not exist.
#[derive(Debug, thiserror::Error)]
#[error(
    "no format named '{name}'; there are table, csv, tsv, json, jsonl, markdown, vertical, parquet, arrow and html"
)]
pub struct UnknownFormat {
    name: String,
}
