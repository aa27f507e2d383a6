//! `s3://bucket/key`.

use std::fmt;

use crate::error::StoreError;

/// A place in a bucket; the key may be that of an object, a prefix, or empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Location {
    /// Name of the bucket.
    pub bucket: String,
    /// Key or prefix, as S3 has it: without a leading slash, nothing encoded.
    pub key: String,
}

impl S3Location {
    /// Reads `s3://bucket/key`; `None` if the text is no such URL at all.
    ///
    /// Fails with [`StoreError::Url`] if it begins like one and names no bucket.
    pub fn parse(text: &str) -> Option<Result<Self, StoreError>> {
        let rest = text.strip_prefix("s3://").or_else(|| text.strip_prefix("s3a://"))?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if !is_bucket_name(bucket) {
            return Some(Err(StoreError::Url { url: text.to_owned() }));
        }
        Some(Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() }))
    }
}

impl fmt::Display for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// Whether the name can be a bucket's, or the ARN-like alias of an access point; it becomes part of a URL.
fn is_bucket_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    (3..=255).contains(&name.len()) && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_buckets_and_keys() {
        for (url, bucket, key) in [
            ("s3://logs", "logs", ""),
            ("s3://logs/", "logs", ""),
            ("s3://my-logs.eu/a/b c%20d.json.gz", "my-logs.eu", "a/b c%20d.json.gz"),
            ("s3a://logs/a/", "logs", "a/"),
        ] {
            let location = S3Location::parse(url).expect("a URL").expect("a bucket");
            assert_eq!((location.bucket.as_str(), location.key.as_str()), (bucket, key));
        }
    }

    #[test]
    fn tells_other_places_from_bad_urls() {
        assert!(S3Location::parse("/var/log").is_none());
        assert!(S3Location::parse("https://logs/x").is_none());
        for url in ["s3://", "s3:///key", "s3://b?x/key", "s3://user@host/key"] {
            assert!(matches!(S3Location::parse(url), Some(Err(StoreError::Url { .. }))), "{url}");
        }
    }
}
