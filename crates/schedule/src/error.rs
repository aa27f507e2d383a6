//! Why a job cannot be scheduled.

/// A job or its records cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The cron expression cannot be read, or names no time at all.
    #[error("job {job}: '{cron}' is no cron expression: {reason}")]
    Cron {
        /// Name of the job.
        job: String,
        /// The expression.
        cron: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The time zone does not exist.
    #[error("job {job}: no time zone '{zone}'; give one such as Europe/Berlin, or UTC")]
    Zone {
        /// Name of the job.
        job: String,
        /// The zone.
        zone: String,
    },
    /// The records of runs cannot be read or written.
    #[error("the records of runs at {path} cannot be used")]
    Records {
        /// Where they are.
        path: String,
        /// Why not.
        source: object_store::Error,
    },
    /// A record of a run is damaged.
    #[error("the record of a run at {path} is damaged")]
    Damaged {
        /// Where it is.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}
