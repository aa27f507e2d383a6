//! Where bytes live: S3 buckets, and servers that speak S3, behind one set of settings.
//!
//! [`Stores`] hands out one [`Bucket`] per name, all with the same credentials, and counts what they were asked. A
//! bucket is an [`ObjectStore`](object_store::ObjectStore) that besides lists by pages and settles lost answers of
//! conditional writes. [`Problem`] puts an error of a store into words.

mod block_cache;
mod bucket;
mod cached_store;
mod credentials;
mod environment;
mod error;
mod location;
mod odd_keys;
mod problem;
mod settings;
mod stores;
mod usage;
mod wire;

pub use bucket::{Bucket, ListedObject, Page, PageRequest};
pub use cached_store::is_plain;
pub use error::StoreError;
pub use location::S3Location;
pub use problem::{Problem, ProblemKind};
pub use settings::{CacheSettings, Encryption, S3Settings};
pub use stores::Stores;
pub use usage::StoreUsage;
