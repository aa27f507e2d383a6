//! What can keep a lake from following its trail.

use trailql_ingest::IngestError;
use trailql_lake::LakeError;
use trailql_upkeep::UpkeepError;

/// Why a pass came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The queue's URL is none.
    #[error("{url} is not the URL of an SQS queue: {reason}")]
    QueueUrl {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The log files could not be ingested.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The lake cannot be used.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The lake could not be looked after.
    #[error(transparent)]
    Upkeep(#[from] UpkeepError),
    /// A message could not be put aside, and is left in the queue.
    #[error("writing {path}")]
    PutAside {
        /// Path within the lake.
        path: String,
        /// What the store says.
        source: object_store::Error,
    },
    /// SQS refused or could not be reached.
    #[error("{action} the queue {url}: {reason}")]
    Queue {
        /// What was being done.
        action: &'static str,
        /// URL of the queue.
        url: String,
        /// What SQS or the connection says.
        reason: String,
    },
}
