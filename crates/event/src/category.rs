//! Event categories: stated by newer events, derived for older ones.

use crate::batch::Names;
use crate::record::Record;
use crate::scan::Value;

pub(crate) const AGGREGATED: &[u8] = b"Aggregated";
pub(crate) const INSIGHT: &[u8] = b"Insight";

/// S3 calls on objects, which are data events; all other calls to S3 are management events.
///
/// Source: CloudTrail User Guide, "Logging data events", AWS::S3::Object.
const S3_OBJECT_CALLS: &[&str] = &[
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "DeleteObject",
    "DeleteObjectTagging",
    "DeleteObjects",
    "GetObject",
    "GetObjectAcl",
    "GetObjectAttributes",
    "GetObjectLegalHold",
    "GetObjectLockConfiguration",
    "GetObjectRetention",
    "GetObjectTagging",
    "GetObjectTorrent",
    "HeadObject",
    "ListParts",
    "PostObject",
    "PutObject",
    "PutObjectAcl",
    "PutObjectLegalHold",
    "PutObjectLockConfiguration",
    "PutObjectRetention",
    "PutObjectTagging",
    "RestoreObject",
    "SelectObjectContent",
    "UploadPart",
    "UploadPartCopy",
];

/// Whether an event of this `eventVersion` states its category: since 1.07, and where there is no version to go by.
///
/// Versions are `major.minor` with numeric parts, so 1.10 is later than 1.08.
pub(crate) fn is_stated(version: Option<&[u8]>) -> bool {
    let parse = |version: &[u8]| {
        let (major, minor) = std::str::from_utf8(version).ok()?.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    };
    version.and_then(parse).is_none_or(|version| version >= (1, 7))
}

/// Whether events of this category record no call, and so have neither `requestParameters` nor `responseElements`.
///
/// All others usually have both, if only as `null`.
pub(crate) fn has_no_call(category: &[u8]) -> bool {
    category == AGGREGATED || category == INSIGHT
}

/// The category of an event that does not state it.
pub(crate) fn derive(record: &Record<'_>, names: &Names) -> &'static [u8] {
    let slot = |slot: usize| record.slots[slot];
    let text = |at: usize| slot(at).plain().unwrap_or_default();
    match text(names.event_type) {
        b"AwsCloudTrailInsight" => return INSIGHT,
        b"AwsAggregatedEvent" => return AGGREGATED,
        b"AwsVpceEvent" | b"AwsVpceEvents" => return b"NetworkActivity",
        _ => {}
    }
    if slot(names.insight).is_some() {
        return INSIGHT;
    }
    let is_data = match slot(names.management) {
        Value::Literal(b"false") => true,
        Value::Literal(b"true") => false,
        _ => {
            let call = std::str::from_utf8(text(names.name)).unwrap_or_default();
            match text(names.source) {
                b"s3.amazonaws.com" => S3_OBJECT_CALLS.contains(&call),
                b"lambda.amazonaws.com" => call == "Invoke" || call == "InvokeExecution",
                _ => false,
            }
        }
    };
    if is_data { b"Data" } else { b"Management" }
}
