//! Encodings, statistics and bloom filters of a data file.

use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::blooms::BLOOM_COLUMNS;

/// The fastest level; others were not measured yet. At this one a lake takes 44 % of its gzip source (docs/BENCHMARKS.md).
const ZSTD_LEVEL: i32 = 1;

/// Rows of a row group: what one bloom filter and one set of statistics speak for.
pub const ROW_GROUP_ROWS: usize = 128 * 1024;

/// Rows of a data page: what a query that knows its rows must read at least of each column.
pub const PAGE_ROWS: usize = 4096;

/// One bloom filter in a hundred says yes without reason.
const BLOOM_FPP: f64 = 0.01;

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

/// Returns the settings of a file with this many rows.
pub fn writer_properties(rows: usize) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_created_by(concat!("trailql ", env!("CARGO_PKG_VERSION")).to_owned());
    for column in BLOOM_COLUMNS {
        let path = ColumnPath::from(column.split('.').map(str::to_owned).collect::<Vec<_>>());
        properties = properties
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_fpp(path.clone(), BLOOM_FPP)
            // A filter is made for this many values and folded at the end; the default of a million zeroes megabytes for
            // every column of every small file, which took a fifth of an ingest.
            .set_column_bloom_filter_max_ndv(path, rows.clamp(1, ROW_GROUP_ROWS) as u64);
    }
    for column in LONG_COLUMNS {
        properties = properties.set_column_statistics_enabled(ColumnPath::from(*column), EnabledStatistics::None);
    }
    for column in UNIQUE_COLUMNS {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(*column), false);
    }
    properties.build()
}
