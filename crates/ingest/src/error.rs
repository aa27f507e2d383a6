//! What ends an ingest before its time.

use datafusion::error::DataFusionError;
use object_store::path::Path;
use trailql_event::EventError;
use trailql_integrity::IntegrityError;
use trailql_lake::LakeError;
use trailql_source::SourceError;
use trailql_store::Problem;

/// An ingest could not go on. What was committed before stays; the rest is read by the next run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The source cannot be listed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The lake cannot be opened, read or committed to.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Digests could not be read, so that nothing can be proved.
    #[error(transparent)]
    Integrity(#[from] IntegrityError),
    /// The store of the source gives no file any more.
    #[error("{file} cannot be read, and no other file either: {problem}")]
    Fetch {
        /// The file at which it was given up.
        file: String,
        /// Why.
        problem: Problem,
    },
    /// The condition of `--where` is not a condition over the columns.
    #[error("the condition {condition:?} cannot be used")]
    Condition {
        /// The condition as given.
        condition: String,
        /// Why not.
        source: Box<DataFusionError>,
    },
    /// The condition failed on an event.
    #[error("the condition failed")]
    Filter(#[source] Box<DataFusionError>),
    /// A file of the lake could not be written or read.
    #[error("{action} {path}; nothing of this batch was committed")]
    Store {
        /// `writing` or `reading`.
        action: &'static str,
        /// Path within the lake.
        path: Path,
        /// The cause.
        source: object_store::Error,
    },
    /// Parquet could not be encoded or decoded.
    #[error("{action} Parquet of partition {partition}")]
    Parquet {
        /// `writing` or `reading`.
        action: &'static str,
        /// The partition.
        partition: String,
        /// The cause.
        source: ::parquet::errors::ParquetError,
    },
    /// Decoded events do not fit together.
    #[error(transparent)]
    Event(#[from] EventError),
    /// Other writers kept committing first.
    #[error("gave up after {attempts} commits by other writers; run it again")]
    Contention {
        /// Commits that were lost.
        attempts: usize,
    },
    /// A worker thread died.
    #[error("a worker died")]
    Worker(#[from] tokio::task::JoinError),
}

impl From<arrow::error::ArrowError> for IngestError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Event(EventError::Batch(error))
    }
}
