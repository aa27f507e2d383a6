//! Runs jobs at their times, each once, however many daemons there are.
//!
//! A [`Job`] has a cron expression in a time zone. The [`Scheduler`] waits for its times by a [`Clock`], claims each
//! firing in the [`Records`], and lets an [`Executor`] do the work. A firing is claimed by creating an object, which only
//! one can; a claim whose holder died is over when the job's timeout is, and another attempt may be claimed.
//!
//! ```text
//! PREFIX/<job>/<firing>.claim-1.json     who runs it, and until when
//! PREFIX/<job>/<firing>.run.json         what became of it: one line of JSON
//! ```

mod clock;
mod error;
mod job;
mod records;
mod scheduler;

pub use clock::{Clock, SystemClock};
pub use error::ScheduleError;
pub use job::{Job, Missed};
pub use records::{Claim, Claimed, OpenRun, Records, RunRecord, RunState};
pub use scheduler::{Executor, Finished, Scheduler};
