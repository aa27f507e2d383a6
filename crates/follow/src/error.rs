//! What can keep a lake from following its trail.

/// A failure that going on does not mend.
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
