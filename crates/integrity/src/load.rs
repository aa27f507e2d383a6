//! One digest: read, unpacked, and judged by itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::bucket::{Bucket, Metadata, MetadataFrom};
use crate::digest::{Digest, Link};
use crate::finding::DigestInfo;
use crate::gunzip::Sha256;
use crate::keys::Span;
use crate::run::Run;
use crate::signature::is_signed;
use crate::verdict::Verdict;

/// Unpacked size of a digest: some 300,000 log files in one hour.
const MAX_DIGEST_BYTES: u64 = 128 << 20;

/// As stored; a digest shrinks to a fifth and less.
const MAX_PACKED_BYTES: u64 = 64 << 20;

/// The algorithm that signatures have, in the words of their metadata.
const ALGORITHM: &str = "SHA256withRSA";

/// A digest as it was found.
pub(crate) struct Loaded {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) key: String,
    /// Its content, or why there is none.
    pub(crate) content: Result<Content, Verdict>,
}

impl Loaded {
    /// What is known of the digest.
    pub(crate) fn info(&self) -> Arc<DigestInfo> {
        let digest = self.content.as_ref().ok().map(|content| &content.digest);
        Arc::new(DigestInfo::new(self.bucket.name(), &self.key, digest))
    }
}

pub(crate) struct Content {
    pub(crate) digest: Digest,
    sha256: Sha256,
    metadata: Metadata,
    has_trailing_data: bool,
}

/// Reads and unpacks the digest at `key`.
pub(crate) async fn load(run: &Arc<Run>, bucket: Arc<Bucket>, key: String, from: MetadataFrom) -> Loaded {
    let content = read(run, &bucket, &key, from).await;
    run.progress.digests.fetch_add(1, Ordering::Relaxed);
    Loaded { bucket, key, content }
}

async fn read(run: &Arc<Run>, bucket: &Arc<Bucket>, key: &str, from: MetadataFrom) -> Result<Content, Verdict> {
    let got = bucket.get(key).await.map_err(store_verdict)?;
    if got.meta.size > MAX_PACKED_BYTES {
        return Err(Verdict::InvalidFormat { detail: format!("it has {} bytes; no digest does", got.meta.size) });
    }
    let metadata = bucket.metadata(key, &got.attributes, from).await.map_err(store_verdict)?;
    let packed = got.bytes().await.map_err(store_verdict)?;
    run.progress.bytes.fetch_add(packed.len() as u64, Ordering::Relaxed);
    if let Some(exporter) = &run.exporter {
        let kept = exporter.save(bucket.name(), key, &packed);
        let sidecar = format!("{key}{}", crate::bucket::SIDECAR);
        let kept = kept.and_then(|()| exporter.save(bucket.name(), &sidecar, metadata.to_json().as_bytes()));
        run.note_export(kept);
    }
    let run = Arc::clone(run);
    run.compute(move |gunzip| {
        let unpacked = gunzip.unpack(&packed, MAX_DIGEST_BYTES);
        let (json, has_trailing_data) = unpacked.map_err(|error| invalid_format(&error))?;
        let digest = Digest::parse(&json).map_err(|error| invalid_format(&error))?;
        Ok(Content { digest, sha256: crate::gunzip::sha256(&json), metadata, has_trailing_data })
    })
    .await
}

fn invalid_format(error: &dyn std::error::Error) -> Verdict {
    Verdict::InvalidFormat { detail: error.to_string() }
}

/// What it says about an object that it could not be got.
pub(crate) fn store_verdict(error: object_store::Error) -> Verdict {
    match error {
        object_store::Error::NotFound { .. } => Verdict::NotFound,
        error => Verdict::Unreadable { reason: error.to_string() },
    }
}

impl Content {
    /// The signature that came with the digest.
    pub(crate) fn signature(&self) -> Option<&str> {
        self.metadata.signature.as_deref()
    }

    /// An algorithm in the metadata that is not the one of the signature.
    pub(crate) fn other_algorithm(&self) -> Option<&str> {
        self.metadata.signature_algorithm.as_deref().filter(|algorithm| *algorithm != ALGORITHM)
    }

    fn backfill_time(&self) -> Option<DateTime<Utc>> {
        let text = self.metadata.backfill_generation_timestamp.as_deref()?;
        let compact = || NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok().map(|time| time.and_utc());
        DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc()).or_else(compact)
    }
}

/// How a digest is to be judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) metadata: MetadataFrom,
    pub(crate) is_backfill: bool,
    /// Region of the area, whose keys sign.
    pub(crate) region: &'a str,
    /// Named in the message, as the AWS CLI does.
    pub(crate) home_region: &'a str,
    /// Time that keys are asked for.
    pub(crate) keys: Span,
    /// What the digest behind it says, if one does.
    pub(crate) link: Option<&'a Link>,
}

/// Judges `content`, which was read from `key` of `bucket`, in the order of the AWS CLI's checks.
pub(crate) async fn judge(run: &Run, content: &Content, bucket: &str, key: &str, rules: Rules<'_>) -> Verdict {
    let (signature, by_itself) = match (rules.metadata, content.signature()) {
        // S3 has both or the digest has been tampered with.
        (_, Some(_)) if content.metadata.signature_algorithm.is_none() => return Verdict::SignatureFailed,
        (_, Some(signature)) => (Some(signature), Verdict::Valid),
        (MetadataFrom::Nowhere, None) => {
            (rules.link.and_then(|link| link.signature.as_deref()), Verdict::ValidBySuccessor)
        }
        (_, None) => return Verdict::SignatureFailed,
    };
    let signed = match signing_time(content, rules) {
        Ok(signed) => signed,
        Err(verdict) => return verdict,
    };
    let digest = &content.digest;
    if digest.digest_s3_bucket != bucket || digest.digest_s3_object != key {
        let original = format!("s3://{}/{}", digest.digest_s3_bucket, digest.digest_s3_object);
        return Verdict::Moved { original };
    }
    let Some(signature) = signature else { return Verdict::NoSignature };
    match check_signature(run, content, signature, signed, rules).await {
        Some(verdict) => verdict,
        None if content.has_trailing_data => Verdict::TrailingData,
        None => rules.link.and_then(|link| check_link(content, link)).unwrap_or(by_itself),
    }
}

/// When the digest was signed: with its hour, or, of a backfill digest, when its metadata say.
fn signing_time(content: &Content, rules: Rules<'_>) -> Result<Span, Verdict> {
    let start = content.digest.digest_start_time;
    let Some(end) = content.digest.end() else {
        let detail = format!("digestEndTime {:?} is not a time", content.digest.digest_end_time);
        return Err(Verdict::InvalidFormat { detail });
    };
    match content.backfill_time() {
        _ if !rules.is_backfill => Ok(Span { start, end }),
        Some(time) => Ok(Span { start: time - TimeDelta::hours(1), end: time + TimeDelta::hours(1) }),
        // Nobody knows, except that it was not before the hour.
        None if rules.metadata == MetadataFrom::Nowhere => {
            Ok(Span { start, end: DateTime::<Utc>::MAX_UTC - TimeDelta::days(2) })
        }
        None => {
            Err(Verdict::InvalidFormat { detail: "no time of generation in the metadata of a backfill digest".into() })
        }
    }
}

/// `None` if the signature is right.
async fn check_signature(
    run: &Run,
    content: &Content,
    signature: &str,
    signed: Span,
    rules: Rules<'_>,
) -> Option<Verdict> {
    let fingerprint = &content.digest.digest_public_key_fingerprint;
    let is_dated = rules.is_backfill && rules.metadata != MetadataFrom::Nowhere;
    let asked = if is_dated { signed } else { rules.keys };
    let key = match run.keys.find(fingerprint, rules.region, asked).await {
        Ok(Some(key)) => key,
        Ok(None) => {
            let (region, fingerprint) = (rules.home_region.to_owned(), fingerprint.clone());
            return Some(Verdict::KeyNotFound { region, fingerprint });
        }
        Err(reason) => return Some(Verdict::KeyUnavailable { fingerprint: fingerprint.clone(), reason }),
    };
    if !key.is_readable() {
        return Some(Verdict::KeyUnreadable { fingerprint: fingerprint.clone() });
    }
    if !is_signed(&content.digest, &content.sha256, signature, &key) {
        return Some(Verdict::SignatureFailed);
    }
    (!key.is_valid_for(signed.start, signed.end)).then(|| Verdict::KeyNotValidThen { fingerprint: fingerprint.clone() })
}

/// `None` if the digest is the one that the digest behind it was made after.
pub(crate) fn check_link(content: &Content, link: &Link) -> Option<Verdict> {
    let hash = hex::encode(content.sha256);
    if link.hash.as_ref().is_some_and(|recorded| !recorded.eq_ignore_ascii_case(&hash)) {
        return Some(Verdict::PreviousHashMismatch);
    }
    let other_signature = match (content.signature(), &link.signature) {
        (Some(own), Some(recorded)) => !own.eq_ignore_ascii_case(recorded),
        _ => false,
    };
    other_signature.then_some(Verdict::PreviousSignatureMismatch)
}
