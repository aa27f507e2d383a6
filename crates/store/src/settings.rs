//! What may be said about S3 beyond what the environment says.

use std::path::PathBuf;

/// Settings of every bucket; what is left empty comes from the usual AWS places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct S3Settings {
    /// URL of another server that speaks S3; else `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL` or the profile's.
    pub endpoint: Option<String>,
    /// Region of the buckets; else that which S3 names for the bucket, or the environment's.
    pub region: Option<String>,
    /// Profile of `~/.aws/config`; else `AWS_PROFILE`, or `default`.
    pub profile: Option<String>,
    /// Lets requests and credentials go over plain HTTP to other machines than this one.
    pub allow_http: bool,
    /// Pays for requests to buckets whose owners want that.
    pub requester_pays: bool,
    /// Encryption of what is written; `None` leaves it to the bucket.
    pub encryption: Option<Encryption>,
    /// Keeps what is read of a lake's data files on this machine; `None` keeps nothing.
    pub cache: Option<CacheSettings>,
    /// Attempts of one request, the first included; a number that copes with minutes of throttling by default.
    pub max_attempts: Option<u32>,
}

/// A folder for what was read of immutable objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// The folder; it is made if need be, and may be deleted at any time.
    pub folder: PathBuf,
    /// Bytes that it may take.
    pub max_bytes: u64,
}

/// Encryption of written objects by the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// SSE-S3: with keys of S3.
    S3,
    /// SSE-KMS: with a key of KMS, AWS's own for S3 where none is named.
    Kms {
        /// ID, ARN or alias of the key.
        key_id: Option<String>,
    },
}
