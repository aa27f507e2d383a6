//! What a digest file says, and what its key says.
//!
//! Source: CloudTrail User Guide, "CloudTrail digest file structure".

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer};

/// The end of a digest's key: before `.json.gz`, `20240301T100000Z` or `20240301T100000Z_backfill`.
const KEY_TIME: &str = "%Y%m%dT%H%M%SZ";

const BACKFILL: &str = "_backfill";

/// The content of a digest file.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    /// Begin of the hour of delivery that it covers.
    pub digest_start_time: DateTime<Utc>,
    /// End of that hour, as the JSON writes it: part of what is signed.
    pub digest_end_time: String,
    /// Bucket that it was delivered to.
    pub digest_s3_bucket: String,
    /// Key that it was delivered to.
    pub digest_s3_object: String,
    /// Names the public key that its signature belongs to.
    pub digest_public_key_fingerprint: String,
    /// Bucket of the previous digest; `None` in a starting digest.
    pub previous_digest_s3_bucket: Option<String>,
    /// Key of the previous digest; `None` in a starting digest.
    pub previous_digest_s3_object: Option<String>,
    /// SHA-256 of the previous digest's unpacked bytes, in hexadecimal.
    pub previous_digest_hash_value: Option<String>,
    /// Signature of the previous digest, in hexadecimal; the member must be there, and is null in a starting digest.
    #[serde(deserialize_with = "present")]
    pub previous_digest_signature: Option<String>,
    /// The log files delivered in that hour.
    pub log_files: Vec<LogEntry>,
}

/// A log file as a digest mentions it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Bucket that it was delivered to.
    pub s3_bucket: String,
    /// Key that it was delivered to.
    pub s3_object: String,
    /// Hash of its unpacked bytes, in hexadecimal.
    pub hash_value: String,
    /// `SHA-256`.
    pub hash_algorithm: Option<String>,
}

/// What a digest says about the one before it.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) hash: Option<String>,
    pub(crate) signature: Option<String>,
}

impl Digest {
    /// Reads the JSON of a digest. Members that trailql has no use for may be missing or of any kind.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// End of the hour of delivery that it covers, where the text can be read.
    pub fn end(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(&self.digest_end_time).ok().map(|time| time.to_utc())
    }

    pub(crate) fn link(&self) -> Option<Link> {
        Some(Link {
            bucket: self.previous_digest_s3_bucket.clone()?,
            key: self.previous_digest_s3_object.clone()?,
            hash: self.previous_digest_hash_value.clone(),
            signature: self.previous_digest_signature.clone(),
        })
    }
}

/// Serde takes a missing `Option` for `None` unless a function of ours reads it.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer)
}

/// The parts of a digest's key.
///
/// `[prefix/]AWSLogs/[o-ORGID/]ACCOUNT/CloudTrail-Digest/REGION/YYYY/MM/DD/`
/// `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOMEREGION_TIME[_backfill].json.gz`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DigestKey {
    /// End of the hour that it covers. First, so that keys sort by time.
    pub end: DateTime<Utc>,
    /// The whole key.
    pub key: String,
    /// Name of the trail.
    pub trail: String,
    /// Region that the trail was made in.
    pub home_region: String,
    /// Part of the chain of digests that CloudTrail delivered afterwards.
    pub is_backfill: bool,
}

impl DigestKey {
    /// Reads the parts of `key`, given the account and region of the folder that it lies in; `None` for other files.
    pub fn parse(key: &str, account: &str, region: &str) -> Option<Self> {
        let name = key.rsplit('/').next()?.strip_suffix(".json.gz")?;
        let (name, is_backfill) = match name.strip_suffix(BACKFILL) {
            Some(name) => (name, true),
            None => (name, false),
        };
        let rest = name.strip_prefix(account)?.strip_prefix("_CloudTrail-Digest_")?;
        let (rest, time) = rest.strip_prefix(region)?.strip_prefix('_')?.rsplit_once('_')?;
        let (trail, home_region) = rest.rsplit_once('_')?;
        let end = NaiveDateTime::parse_from_str(time, KEY_TIME).ok()?.and_utc();
        Some(Self {
            end,
            key: key.to_owned(),
            trail: trail.to_owned(),
            home_region: home_region.to_owned(),
            is_backfill,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_keys_with_underscores_in_the_trail_and_backfill() {
        let folder = "p/AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2024/03/01";
        let key = |name: &str| DigestKey::parse(&format!("{folder}/{name}"), "111122223333", "eu-west-1");
        let standard = key("111122223333_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_20240301T100000Z.json.gz");
        let standard = standard.expect("a key");
        assert_eq!((standard.trail.as_str(), standard.home_region.as_str()), ("my_trail", "us-east-1"));
        assert_eq!(standard.end.to_rfc3339(), "2024-03-01T10:00:00+00:00");
        let backfill = key("111122223333_CloudTrail-Digest_eu-west-1_t_us-east-1_20240301T100000Z_backfill.json.gz");
        assert!(backfill.expect("a key").is_backfill);
        assert!(key("notes.txt").is_none());
        assert!(key("111122223333_CloudTrail-Digest_us-west-2_t_us-east-1_20240301T100000Z.json.gz").is_none());
    }

    #[test]
    fn insists_on_the_members_that_are_signed() {
        let whole = r#"{"digestStartTime":"2024-03-01T09:00:00Z","digestEndTime":"2024-03-01T10:00:00Z",
            "digestS3Bucket":"b","digestS3Object":"k","digestPublicKeyFingerprint":"f",
            "previousDigestSignature":null,"logFiles":[]}"#;
        assert!(Digest::parse(whole.as_bytes()).expect("a digest").link().is_none());
        for member in ["digestStartTime", "digestEndTime", "digestS3Object", "previousDigestSignature"] {
            let without = whole.replace(member, "other");
            assert!(Digest::parse(without.as_bytes()).is_err(), "{member}");
        }
    }
}
