//! `trailql.toml`: found, read, checked, and shown with the origin of every value.
//!
//! ```toml
//! lake = "prod"
//!
//! [lakes.prod]
//! url = "s3://example-lake/trail"
//! retention = "400d"
//!
//! [sources.org]
//! url = "s3://example-logs/AWSLogs"
//! regions = ["eu-west-1", "us-east-1"]
//! ```
//!
//! [`KEYS`] is the one list of what may stand there; reading, checking and documentation all go by it. A value comes
//! from a flag, else from the environment, else from the file, else from its default; [`Config`] holds the outcome.

mod config;
mod error;
mod file;
mod keys;
mod source;
mod upkeep;
mod value;

pub use config::{Config, Origin, Setting};
pub use error::ConfigError;
pub use file::FILE_NAME;
pub use keys::{KEYS, Key};
pub use source::Source;
pub use upkeep::Upkeep;
pub use value::{Kind, Value, parse_bytes, parse_span, parse_time};
