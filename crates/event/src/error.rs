//! What can go wrong with events.

use arrow::error::ArrowError;

/// Events could not be turned into a batch, or back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// A column that rebuilding needs is missing or has an unexpected type.
    #[error("column {name} is missing or not of the lake's type")]
    Column {
        /// Name of the column.
        name: String,
    },
    /// Arrow refused a batch that the decoder built.
    #[error("building a batch of events")]
    Batch(#[from] ArrowError),
}

/// A log file, or the rest of it, that could not be decoded. What stood before is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// There is not a single byte.
    #[error("is empty: CloudTrail never delivers empty files")]
    Empty,
    /// The first value is no JSON.
    #[error("is not JSON (byte {offset})")]
    NotJson {
        /// Offset of the offending byte in the unpacked file.
        offset: u64,
    },
    /// The text is UTF-16, which CloudTrail does not write.
    #[error("is UTF-16; convert it to UTF-8")]
    Utf16,
    /// JSON breaks off after some records.
    #[error("is malformed at byte {offset}, after {records} records")]
    Malformed {
        /// Offset of the offending byte in the unpacked file.
        offset: u64,
        /// Records read before it.
        records: u64,
    },
    /// The file ends inside a value.
    #[error("is truncated at byte {offset}, after {records} records")]
    Truncated {
        /// Length of the unpacked file.
        offset: u64,
        /// Records read before the end.
        records: u64,
    },
    /// One JSON value is larger than any CloudTrail file.
    #[error("holds a JSON value of more than {limit} bytes at byte {offset}, after {records} records")]
    TooLarge {
        /// Offset at which the value starts.
        offset: u64,
        /// Records read before it.
        records: u64,
        /// The most bytes a value may have.
        limit: u64,
    },
}
