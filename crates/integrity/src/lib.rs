//! Proves by CloudTrail's signed digests that log files are complete and unaltered.
//!
//! ```text
//! source ─► areas (account × region) ─► chains (trail) ─► digests, newest to oldest ─► log files
//!             │ in parallel                                signature, place, link        hash, in parallel
//!             └─► log files that no digest mentions
//! ```
//!
//! Verdicts and words are those of `aws cloudtrail validate-logs` wherever that command has one; [`Verdict`] lists what
//! is found beyond it. Source of the rules: CloudTrail User Guide, "CloudTrail digest file structure" and "Custom
//! implementations of CloudTrail log file integrity validation"; aws/aws-cli
//! `awscli/customizations/cloudtrail/validation.py`.

mod area;
mod bucket;
mod coverage;
mod der;
mod digest;
mod error;
mod evidence;
mod finding;
mod gunzip;
mod keys;
mod load;
mod logs;
mod options;
mod promise;
mod report;
mod run;
mod signature;
mod source;
mod state;
mod verdict;
mod walk;

pub use bucket::{Bucket, Metadata};
pub use digest::{Digest, DigestKey, LogEntry};
pub use error::IntegrityError;
pub use evidence::{Manifest, PUBLIC_KEYS};
pub use finding::{Chain, DigestInfo, Finding, ObjectVersion, Severity, Subject, display_time};
pub use keys::{KeyRing, KeySource, PublicKey, parse_keys, write_keys};
pub use logs::{Expectation, LogChecker};
pub use options::{Filters, Progress, ValidateOptions};
pub use promise::{Promise, Promises, promises};
pub use report::{ChainReport, Conclusion, Report, Tally};
pub use run::validate;
pub use source::{OpenBucket, Source};
pub use state::ProvedLogs;
pub use verdict::Verdict;
