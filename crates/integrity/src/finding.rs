//! One result: which file of which chain, and what was found about it.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use object_store::ObjectMeta;
use serde::Serialize;

use crate::digest::Digest;
use crate::verdict::Verdict;

/// A chain of digests: one trail's deliveries for one account and region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Chain {
    /// Bucket that it is in.
    pub bucket: String,
    /// What the keys begin with, up to and with `AWSLogs/`.
    pub prefix: String,
    /// `o-…` of an organisation trail.
    pub organization: Option<String>,
    /// Account that the events were delivered for.
    pub account: String,
    /// Region that the events were delivered for.
    pub region: String,
    /// Name of the trail; empty for what belongs to no known trail.
    pub trail: String,
    /// Region that the trail was made in.
    pub home_region: String,
}

impl Chain {
    /// ARN of the trail. An organisation trail belongs to the management account, which its digests do not name; the ARN
    /// then has the account that the chain is for.
    pub fn trail_arn(&self) -> String {
        let partition = match self.home_region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!("arn:{partition}:cloudtrail:{}:{}:trail/{}", self.home_region, self.account, self.trail)
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// An hourly digest.
    Digest,
    /// A digest that was delivered afterwards.
    BackfillDigest,
    /// A log file.
    LogFile,
    /// A span of time.
    Span,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Proved intact.
    Valid,
    /// Worth knowing; nothing is wrong.
    Notice,
    /// Neither proved nor disproved.
    Unchecked,
    /// Altered, moved, missing or added.
    Invalid,
}

/// What a digest says about itself, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestInfo {
    /// Where it was read, as a URL.
    pub location: String,
    /// Begin of the hour of delivery that it covers.
    pub start: Option<DateTime<Utc>>,
    /// End of that hour.
    pub end: Option<DateTime<Utc>>,
    /// Log files that it mentions.
    pub log_files: Option<u64>,
}

impl DigestInfo {
    /// What is known of the digest that was looked for at `key` of `bucket`.
    pub(crate) fn new(bucket: &str, key: &str, digest: Option<&Digest>) -> Self {
        Self {
            location: format!("s3://{bucket}/{key}"),
            start: digest.map(|digest| digest.digest_start_time),
            end: digest.and_then(Digest::end),
            log_files: digest.map(|digest| digest.log_files.len() as u64),
        }
    }
}

/// The version of an object whose bytes were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion {
    /// Size as stored.
    pub size_bytes: u64,
    /// When it was written.
    pub modified: DateTime<Utc>,
    /// S3's tag of its content.
    pub e_tag: Option<String>,
}

impl From<&ObjectMeta> for ObjectVersion {
    fn from(meta: &ObjectMeta) -> Self {
        Self { size_bytes: meta.size, modified: meta.last_modified, e_tag: meta.e_tag.clone() }
    }
}

/// One result.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The chain that it belongs to.
    pub chain: Arc<Chain>,
    /// What it is about.
    pub subject: Subject,
    /// Bucket of the file.
    pub bucket: String,
    /// Key of the file; of a span, the key of the digest behind it.
    pub key: String,
    /// What was found.
    pub verdict: Verdict,
    /// The digest that it is about, or that mentions the log file.
    pub digest: Option<Arc<DigestInfo>>,
    /// Which version of a log file was looked at, where its bytes were.
    pub version: Option<ObjectVersion>,
}

impl Finding {
    /// Where the file is, or should be.
    pub fn location(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }
}

impl fmt::Display for Finding {
    /// Writes the line that the AWS CLI prints where it knows the finding, and one like it elsewhere.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = match self.subject {
            Subject::Digest => "Digest file",
            Subject::BackfillDigest => "(backfill) Digest file",
            Subject::LogFile => "Log file",
            Subject::Span => return self.verdict.fmt(f),
        };
        let word = match self.verdict.severity() {
            Severity::Valid => return write!(f, "{label}\t{}\t{}", self.location(), self.verdict),
            Severity::Notice => "note",
            Severity::Unchecked => "NOT CHECKED",
            Severity::Invalid => "INVALID",
        };
        write!(f, "{label}\t{}\t{word}: {}", self.location(), self.verdict)
    }
}

/// A time as the AWS CLI writes it.
pub fn display_time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
