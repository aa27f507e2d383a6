//! Fetches CloudTrail's event history through its API, for accounts without a trail.
//!
//! [`fetch`] writes what `LookupEvents` gives into a folder of log files, by region and span of time. A span that is
//! there is not asked for again, so a fetch that broke off goes on where it was; the folder is then a source like any
//! other.
//!
//! Source: CloudTrail API Reference, "LookupEvents": events of the last 90 days, 50 a page, two requests a second for
//! an account and region, newest first.

mod coverage;
mod error;
mod fetch;
mod span_file;

pub use error::LookupError;
pub use fetch::{FetchOptions, FetchSummary, MAX_AGE_DAYS, fetch};
