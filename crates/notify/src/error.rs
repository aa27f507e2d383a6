//! Why a notification was not sent.

/// A notification that was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// The receiver cannot be reached, or is busy; worth trying again.
    #[error("{receiver} could not be reached: {reason}")]
    Unreachable {
        /// Whom it was for.
        receiver: String,
        /// What happened.
        reason: String,
    },
    /// The receiver said no; trying again would not help.
    #[error("{receiver} refused the message: {reason}")]
    Refused {
        /// Whom it was for.
        receiver: String,
        /// What it said.
        reason: String,
    },
    /// The channel cannot be used as it is configured.
    #[error("{receiver}: {reason}")]
    Configuration {
        /// Whom it was for.
        receiver: String,
        /// What is wrong.
        reason: String,
    },
    /// What was told before could not be read or written.
    #[error("the record of notifications at {path} cannot be used")]
    Record {
        /// Where it is.
        path: String,
        /// Why not.
        source: object_store::Error,
    },
}

impl NotifyError {
    /// Whether another attempt may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}
