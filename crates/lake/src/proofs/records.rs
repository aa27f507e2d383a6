//! The records, and the columns that they are kept in.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

use crate::ledger::ObjectKey;

/// Who looked, and when the run began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Check {
    pub(super) by: &'static str,
    pub(super) at: DateTime<Utc>,
}

/// What is known about a log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofState {
    /// A valid digest says that it is as CloudTrail delivered it.
    Proved,
    /// A valid digest says otherwise.
    Failed,
    /// Its digest has not been delivered.
    NoDigestYet,
    /// Valid digests cover its time, and none mentions it.
    NotMentioned,
    /// A valid digest mentions it, and it is not there.
    Missing,
    /// Nothing proves or disproves it.
    NotChecked,
}

impl ProofState {
    /// The word for it in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Failed => "failed",
            Self::NoDigestYet => "no_digest_yet",
            Self::NotMentioned => "not_mentioned",
            Self::Missing => "missing",
            Self::NotChecked => "not_checked",
        }
    }
}

/// What is known about a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestVerdict {
    /// CloudTrail signed it.
    Valid,
    /// It was altered, moved or forged, or is missing.
    Invalid,
    /// Neither is known.
    NotChecked,
}

impl DigestVerdict {
    /// The word for it in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::NotChecked => "not_checked",
        }
    }
}

/// What one run found out about a log file.
#[derive(Debug, Clone)]
pub struct LogRecord {
    /// The file, as `sourcefile` of its events has it.
    pub source_file: String,
    /// Which version of it was looked at, as the ledger has it; `None` where there was none to look at.
    pub version: Option<ObjectKey>,
    /// What was found.
    pub state: ProofState,
    /// Why it is not proved.
    pub reason: Option<String>,
    /// URL of the digest that mentions it.
    pub digest: Option<String>,
    /// ARN of the trail.
    pub trail: Option<String>,
    /// Account that it was delivered for.
    pub account: Option<String>,
    /// Region that it was delivered for.
    pub region: Option<String>,
    /// Where CloudTrail delivered it to, as a URL.
    pub location: Option<String>,
}

/// What one run found out about a digest.
#[derive(Debug, Clone)]
pub struct DigestRecord {
    /// Its URL.
    pub digest: String,
    /// What was found.
    pub verdict: DigestVerdict,
    /// Why it is not valid.
    pub reason: Option<String>,
    /// ARN of the trail.
    pub trail: String,
    /// Account that it is for.
    pub account: String,
    /// Region that it is for.
    pub region: String,
    /// Whether it was delivered afterwards.
    pub is_backfill: bool,
    /// Begin of the hour of delivery that it covers.
    pub start: Option<DateTime<Utc>>,
    /// End of that hour.
    pub end: Option<DateTime<Utc>>,
    /// Log files that it mentions.
    pub log_files: Option<u64>,
}

/// Name of the column that files keep and tables do not show.
pub(super) const VERSION: &str = "version";

pub(super) fn log_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("sourcefile", false),
        text("state", false),
        text("reason", true),
        text("digest", true),
        text("trail", true),
        text("account", true),
        text("region", true),
        text("location", true),
        time("checked"),
        text("checkedby", true),
        Field::new(VERSION, DataType::FixedSizeBinary(16), true),
    ]))
}

pub(super) fn digest_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("digest", false),
        text("verdict", false),
        text("reason", true),
        text("trail", true),
        text("account", true),
        text("region", true),
        Field::new("backfill", DataType::Boolean, false),
        time("starttime"),
        time("endtime"),
        Field::new("logfiles", DataType::Int64, true),
        time("checked"),
        text("checkedby", true),
    ]))
}

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

fn time(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true)
}

pub(super) fn log_batch(records: &[LogRecord], check: Check) -> Result<RecordBatch, ArrowError> {
    let versions = records.iter().map(|record| record.version.map(u128::to_le_bytes));
    let columns: Vec<ArrayRef> = vec![
        texts(records, |record| Some(&record.source_file)),
        texts(records, |record| Some(record.state.name())),
        texts(records, |record| record.reason.as_deref()),
        texts(records, |record| record.digest.as_deref()),
        texts(records, |record| record.trail.as_deref()),
        texts(records, |record| record.account.as_deref()),
        texts(records, |record| record.region.as_deref()),
        texts(records, |record| record.location.as_deref()),
        times(records, |_| Some(check.at)),
        texts(records, |_| Some(check.by)),
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(versions, 16)?),
    ];
    RecordBatch::try_new(log_schema(), columns)
}

pub(super) fn digest_batch(records: &[DigestRecord], check: Check) -> Result<RecordBatch, ArrowError> {
    let log_files = records.iter().map(|record| record.log_files.and_then(|count| i64::try_from(count).ok()));
    let columns: Vec<ArrayRef> = vec![
        texts(records, |record| Some(&record.digest)),
        texts(records, |record| Some(record.verdict.name())),
        texts(records, |record| record.reason.as_deref()),
        texts(records, |record| Some(&record.trail)),
        texts(records, |record| Some(&record.account)),
        texts(records, |record| Some(&record.region)),
        Arc::new(BooleanArray::from_iter(records.iter().map(|record| Some(record.is_backfill)))),
        times(records, |record| record.start),
        times(records, |record| record.end),
        Arc::new(Int64Array::from_iter(log_files)),
        times(records, |_| Some(check.at)),
        texts(records, |_| Some(check.by)),
    ];
    RecordBatch::try_new(digest_schema(), columns)
}

fn texts<'a, R>(records: &'a [R], text: impl Fn(&'a R) -> Option<&'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter(records.iter().map(text)))
}

fn times<R>(records: &[R], time: impl Fn(&R) -> Option<DateTime<Utc>>) -> ArrayRef {
    let micros = records.iter().map(|record| time(record).map(|time| time.timestamp_micros()));
    Arc::new(TimestampMicrosecondArray::from_iter(micros).with_timezone("UTC"))
}
