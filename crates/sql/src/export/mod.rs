//! Results into files: one writer for `COPY … TO`, `UNLOAD`, and `-o`.
//!
//! Batches become bytes on the threads for blocking work, as many at once as there are cores where the format allows it,
//! and are written in their order. A result is never in memory as a whole.

mod copy;
mod encoding;
mod partitions;

use std::collections::VecDeque;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use tokio::sync::mpsc;
use trailql_export::{Compression, Existing, Folder, Output, Place};
use trailql_store::Stores;

use crate::answer::Answer;
use crate::error::SqlError;
use crate::export::encoding::{Encoding, Piece, encode};
use crate::format::{ChunkEncoder, Format, FormatError, FormatOptions, ParquetCompression};

pub(crate) use copy::Copy;
pub(crate) use partitions::arrange;

/// How a result becomes a file or a folder.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// The format of each file.
    pub format: Format,
    /// What may be chosen about it.
    pub format_options: FormatOptions,
    /// How each file is compressed as a whole.
    pub compression: Compression,
    /// Columns that become folders, `column=value`, and are in no file; with any, the place is a folder.
    pub partition_by: Vec<String>,
    /// Replaces files of a folder that is not empty.
    pub overwrite: bool,
}

impl ExportOptions {
    /// Takes everything but the format as it is by default.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            format_options: FormatOptions::default(),
            compression: Compression::None,
            partition_by: Vec::new(),
            overwrite: false,
        }
    }

    /// Chooses the compression by name: that of the whole file, or of the pages within a Parquet file.
    ///
    /// Fails, in words for people, if the format does not have it.
    pub fn compress(&mut self, name: &str) -> Result<(), String> {
        match self.format {
            Format::Parquet => self.format_options.parquet = name.parse()?,
            Format::Arrow if !name.eq_ignore_ascii_case("none") => {
                return Err(format!("arrow files are not compressed; leave out '{name}', or take parquet"));
            }
            _ => self.compression = name.parse()?,
        }
        Ok(())
    }

    /// Returns the name of a file: `data.csv.gz`.
    pub fn file_name(&self, stem: &str) -> String {
        format!("{stem}.{}{}", self.format.extension(), self.compression.ending())
    }
}

impl FromStr for ParquetCompression {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name.to_ascii_lowercase().as_str() {
            "zstd" => Ok(Self::Zstd),
            "snappy" => Ok(Self::Snappy),
            "none" | "uncompressed" => Ok(Self::None),
            other => Err(format!("Parquet files are written with zstd, snappy or none, and not with '{other}'")),
        }
    }
}

/// What became of a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Exported {
    rows: u64,
}

impl Exported {
    /// The columns of what an export answers.
    pub(crate) fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("count", DataType::Int64, false)]))
    }

    /// The row of what an export answers.
    pub(crate) fn batch(self) -> Result<RecordBatch, FormatError> {
        let count = Int64Array::from(vec![i64::try_from(self.rows).unwrap_or(i64::MAX)]);
        Ok(RecordBatch::try_new(Self::schema(), vec![Arc::new(count) as ArrayRef])?)
    }
}

/// Writes an answer to a file or a folder.
pub(crate) async fn export(
    answer: &mut Answer,
    stores: &Stores,
    place: &Place,
    options: &ExportOptions,
) -> Result<Exported, SqlError> {
    if options.partition_by.is_empty() && !place.is_folder() {
        let mut out = Output::create(stores, place, options.compression).await?;
        let rows = write_result(answer, options.format, &options.format_options, &mut out).await?;
        out.finish().await?;
        return Ok(Exported { rows });
    }
    let existing = if options.overwrite { Existing::Replace } else { Existing::Refuse };
    let mut folder = Folder::create(stores, place, existing).await?;
    let rows = if options.partition_by.is_empty() {
        let mut out = folder.begin(&options.file_name(DATA_FILE), options.compression).await?;
        let rows = write_result(answer, options.format, &options.format_options, &mut out).await?;
        folder.add(out).await?;
        rows
    } else {
        partitions::write(answer, &mut folder, options).await?
    };
    folder.publish().await?;
    Ok(Exported { rows })
}

/// Batches that wait to be encoded.
const BATCHES_AHEAD: usize = 2;

/// Name of the files in a folder, but for the ending.
const DATA_FILE: &str = "data";

/// Writes all rows of an answer, with what its format puts around them; returns their number.
///
/// `out` is not finished: several results may follow each other.
pub async fn write_result(
    answer: &mut Answer,
    format: Format,
    options: &FormatOptions,
    out: &mut Output,
) -> Result<u64, SqlError> {
    let schema = answer.schema();
    match format.chunks(&schema, options) {
        Some(encoder) => write_chunks(answer, encoder, out).await,
        None => write_encoded(answer, Encoding::begin(format, schema, options)?, out).await,
    }
}

async fn write_encoded(answer: &mut Answer, encoding: Encoding, out: &mut Output) -> Result<u64, SqlError> {
    let (pieces, waiting) = mpsc::channel(BATCHES_AHEAD);
    let (ready, mut bytes) = mpsc::channel(1);
    let encoder = encoding.run(waiting, ready);
    let read = async move {
        let mut rows = 0;
        while let Some(batch) = answer.next().await? {
            rows += batch.num_rows() as u64;
            // Nobody takes batches any more if they cannot be written, which is the error to tell.
            if pieces.send(Piece::Rows(batch)).await.is_err() {
                return Ok(rows);
            }
        }
        let _ = pieces.send(Piece::End).await;
        Ok::<_, SqlError>(rows)
    };
    let write = async move {
        while let Some(bytes) = bytes.recv().await {
            out.write(&bytes).await?;
        }
        Ok::<_, SqlError>(())
    };
    let (rows, written) = tokio::join!(read, write);
    written?;
    encoder.join().await?;
    rows
}

async fn write_chunks(answer: &mut Answer, encoder: Arc<dyn ChunkEncoder>, out: &mut Output) -> Result<u64, SqlError> {
    // Ahead of the header: a query that fails at once writes nothing.
    let mut next = answer.next().await?;
    let mut head = Vec::new();
    encoder.head(&mut head);
    out.write(&head).await?;
    let at_once = 1 + std::thread::available_parallelism().map_or(2, usize::from);
    let mut chunks = VecDeque::new();
    let mut rows = 0;
    while let Some(batch) = next {
        rows += batch.num_rows() as u64;
        chunks.push_back(encode(batch, Arc::clone(&encoder)));
        if chunks.len() == at_once
            && let Some(chunk) = chunks.pop_front()
        {
            out.write(&chunk.bytes().await?).await?;
        }
        next = answer.next().await?;
    }
    for chunk in chunks {
        out.write(&chunk.bytes().await?).await?;
    }
    Ok(rows)
}
