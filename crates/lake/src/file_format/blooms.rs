//! Bloom filters of a data file: which columns have one, and the filters that a written file holds.

use std::ops::Range;

use bytes::Bytes;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

/// Columns that people search by value, all of text; members of structs by their dotted names.
pub const BLOOM_COLUMNS: [&str; 7] = [
    "eventid",
    "requestid",
    "sharedeventid",
    "sourceipaddress",
    "useridentity.arn",
    "useridentity.principalid",
    "useridentity.accesskeyid",
];

/// The bloom filters of one row group, in the order of [`BLOOM_COLUMNS`], each as Parquet stores it: header and bits.
pub type RowGroupBlooms = [Option<Bytes>; BLOOM_COLUMNS.len()];

/// Takes the bloom filters out of a written file; `read` gives a range of its bytes.
///
/// Format: Parquet's `BloomFilter.md`, split-block filters.
pub fn bloom_filters(metadata: &ParquetMetaData, read: impl Fn(Range<usize>) -> Bytes) -> Vec<RowGroupBlooms> {
    let of_group = |group: &RowGroupMetaData| {
        BLOOM_COLUMNS.map(|name| {
            let chunk = group.columns().iter().find(|chunk| chunk.column_path().string() == name)?;
            bloom_range(chunk).map(&read)
        })
    };
    metadata.row_groups().iter().map(of_group).collect()
}

/// `None` without a filter, and for old writers that do not state its length.
fn bloom_range(chunk: &ColumnChunkMetaData) -> Option<Range<usize>> {
    let start = usize::try_from(chunk.bloom_filter_offset()?).ok()?;
    let length = usize::try_from(chunk.bloom_filter_length()?).ok()?;
    Some(start..start.checked_add(length)?)
}
