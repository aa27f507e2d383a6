//! The Parquet files of the lake: order of rows, encodings, statistics, bloom filters.

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::Result;
use ::parquet::file::metadata::ParquetMetaData;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::schema::types::ColumnPath;
use arrow::array::{ArrayRef, AsArray};
use arrow::compute::{interleave, interleave_record_batch};
use arrow::error::ArrowError;
use bytes::Bytes;
use trailql_event::event_schema;

use crate::batch::{Batch, RowId};
use crate::sort::sorted_indices;

/// The fastest level; others were not measured yet. At this one a lake takes 44 % of its gzip source (docs/BENCHMARKS.md).
const ZSTD_LEVEL: i32 = 1;

/// Rows of a row group: what one bloom filter and one set of statistics speak for.
const ROW_GROUP_ROWS: usize = 128 * 1024;

/// Rows of a data page: what a query that knows its rows must read at least of each column.
const PAGE_ROWS: usize = 4096;

/// Rows gathered at once, so that the copy of a partition never is in memory as a whole.
const GATHER_ROWS: usize = 8192;

/// One bloom filter in a hundred says yes without reason.
const BLOOM_FPP: f64 = 0.01;

/// Columns that people search by value.
const BLOOM_COLUMNS: &[&[&str]] = &[
    &["eventid"],
    &["requestid"],
    &["sharedeventid"],
    &["sourceipaddress"],
    &["useridentity", "arn"],
    &["useridentity", "principalid"],
    &["useridentity", "accesskeyid"],
];

/// Columns of JSON and other long text: nobody asks for their least value.
const LONG_COLUMNS: &[&str] = &[
    "requestparameters",
    "responseelements",
    "additionaleventdata",
    "serviceeventdetails",
    "edgedevicedetails",
    "insightdetails",
    "eventcontext",
    "summary",
    "timewindow",
    "unmapped",
    "errormessage",
    "annotation",
];

/// Columns whose values hardly ever repeat: a dictionary would only cost time.
const UNIQUE_COLUMNS: &[&str] = &["eventid", "requestid", "responseelements"];

/// Settings of a file with this many rows.
fn writer_properties(rows: usize) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_created_by(concat!("trailql ", env!("CARGO_PKG_VERSION")).to_owned());
    for column in BLOOM_COLUMNS {
        properties = properties
            .set_column_bloom_filter_enabled(path(column), true)
            .set_column_bloom_filter_fpp(path(column), BLOOM_FPP)
            // A filter is made for this many values and folded at the end; the default of a million zeroes megabytes for
            // every column of every small file, which took a fifth of an ingest.
            .set_column_bloom_filter_max_ndv(path(column), rows.clamp(1, ROW_GROUP_ROWS) as u64);
    }
    for column in LONG_COLUMNS {
        properties = properties.set_column_statistics_enabled(path(&[column]), EnabledStatistics::None);
    }
    for column in UNIQUE_COLUMNS {
        properties = properties.set_column_dictionary_enabled(path(&[column]), false);
    }
    properties.build()
}

/// Encodes `rows` of `batch`, sorted, as one Parquet file.
pub(crate) fn encode(batch: &Batch, mut rows: Vec<RowId>) -> Result<(Bytes, ParquetMetaData)> {
    sort(batch, &mut rows)?;
    let batches = batch.record_batches();
    let mut writer = ArrowWriter::try_new(Vec::new(), event_schema(), Some(writer_properties(rows.len())))?;
    for chunk in rows.chunks(GATHER_ROWS) {
        let places: Vec<(usize, usize)> = chunk.iter().map(|row| (row.batch, row.row as usize)).collect();
        writer.write(&interleave_record_batch(&batches, &places)?)?;
    }
    let metadata = writer.finish()?;
    Ok((std::mem::take(writer.inner_mut()).into(), metadata))
}

/// Sorts rows so that those of one caller stand together: a search for a key or a principal then finds its rows in few
/// pages, and neighbours resemble each other, which is what compression lives on.
fn sort(batch: &Batch, rows: &mut Vec<RowId>) -> std::result::Result<(), ArrowError> {
    let batches = batch.record_batches();
    let places: Vec<(usize, usize)> = rows.iter().map(|row| (row.batch, row.row as usize)).collect();
    let column = |pick: &dyn Fn(usize) -> Option<ArrayRef>| -> std::result::Result<Option<ArrayRef>, ArrowError> {
        let Some(arrays) = (0..batches.len()).map(pick).collect::<Option<Vec<_>>>() else { return Ok(None) };
        let arrays: Vec<_> = arrays.iter().map(AsRef::as_ref).collect();
        Ok(Some(interleave(&arrays, &places)?))
    };
    let plain = |name: &'static str| move |i: usize| batches_column(batch, i, name);
    let mut columns = Vec::new();
    for pick in [
        &plain("recipientaccountid") as &dyn Fn(usize) -> Option<ArrayRef>,
        &|i| batch.rows(i)["useridentity"].as_struct().column_by_name("arn").cloned(),
        &plain("eventsource"),
        &plain("eventname"),
        &plain("eventtime"),
    ] {
        columns.extend(column(pick)?);
    }
    *rows = sorted_indices(&columns)?.into_iter().map(|at| rows[at as usize]).collect();
    Ok(())
}

fn batches_column(batch: &Batch, i: usize, name: &str) -> Option<ArrayRef> {
    batch.rows(i).column_by_name(name).cloned()
}

fn path(parts: &[&str]) -> ColumnPath {
    ColumnPath::new(parts.iter().map(|part| (*part).to_owned()).collect())
}
