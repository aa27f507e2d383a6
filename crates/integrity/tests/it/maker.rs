//! Makes buckets as CloudTrail fills them: log files, and chains of signed digests over them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use trailql_integrity::{Metadata, PublicKey};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const BUCKET: &str = "trail-bucket";

/// The hour that everything begins with.
pub(crate) fn hour(hour: i64) -> DateTime<Utc> {
    "2024-03-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::hours(hour)
}

/// A key that signs, and when CloudTrail says it did.
pub(crate) struct SigningKey {
    pair: &'static RsaKeyPair,
    pub(crate) public: PublicKey,
}

static FIRST: LazyLock<RsaKeyPair> = LazyLock::new(|| read_key(include_bytes!("../keys/first.pk8")));
static SECOND: LazyLock<RsaKeyPair> = LazyLock::new(|| read_key(include_bytes!("../keys/second.pk8")));
static STRANGER: LazyLock<RsaKeyPair> = LazyLock::new(|| read_key(include_bytes!("../keys/stranger.pk8")));

fn read_key(pkcs8: &[u8]) -> RsaKeyPair {
    RsaKeyPair::from_pkcs8(pkcs8).unwrap()
}

impl SigningKey {
    fn new(pair: &'static RsaKeyPair, fingerprint: &str, valid: (i64, i64)) -> Self {
        let public = PublicKey {
            fingerprint: fingerprint.to_owned(),
            value: pair.public_key().as_ref().to_vec(),
            valid_from: Some(hour(valid.0)),
            valid_until: Some(hour(valid.1)),
        };
        Self { pair, public }
    }

    /// CloudTrail's key until a rotation at hour 200.
    pub(crate) fn first() -> Self {
        Self::new(&FIRST, "1111111111111111", (-1000, 200))
    }

    /// CloudTrail's key from shortly before the rotation on.
    pub(crate) fn second() -> Self {
        Self::new(&SECOND, "2222222222222222", (190, 1000))
    }

    /// A forger's key, under the name of CloudTrail's first.
    pub(crate) fn stranger() -> Self {
        Self::new(&STRANGER, "1111111111111111", (-1000, 200))
    }

    fn sign(&self, text: &str) -> String {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        hex(&signature)
    }
}

/// An object with what S3 keeps beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) bytes: Vec<u8>,
    pub(crate) metadata: Metadata,
}

/// All buckets there are: objects by bucket and key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) objects: BTreeMap<(String, String), Object>,
}

impl World {
    pub(crate) fn put(&mut self, bucket: &str, key: &str, bytes: Vec<u8>, metadata: Metadata) {
        self.objects.insert((bucket.to_owned(), key.to_owned()), Object { bytes, metadata });
    }

    pub(crate) fn get(&mut self, key: &str) -> &mut Object {
        self.objects.iter_mut().find(|(place, _)| place.1 == key).unwrap().1
    }

    pub(crate) fn delete(&mut self, key: &str) {
        self.objects.retain(|place, _| place.1 != key);
    }

    /// Writes all buckets as `folder/<bucket>/<key>`, with the metadata beside the digests if `sidecars`.
    pub(crate) fn write(&self, folder: &Path, sidecars: bool) {
        for ((bucket, key), object) in &self.objects {
            let path = folder.join(bucket).join(key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &object.bytes).unwrap();
            if sidecars && object.metadata != Metadata::default() {
                std::fs::write(path.with_added_extension("metadata.json"), object.metadata.to_json()).unwrap();
            }
        }
    }
}

/// A trail that delivers, hour by hour.
pub(crate) struct Trail {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) home_region: String,
    pub(crate) name: String,
    pub(crate) bucket: String,
    /// Empty, or ending in `/`.
    pub(crate) prefix: String,
    /// The same.
    pub(crate) organization: String,
    pub(crate) is_backfill: bool,
    pub(crate) key: SigningKey,
    /// Bucket, key, content and signature of the digest before.
    previous: Option<(String, String, Vec<u8>, String)>,
}

impl Trail {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            home_region: REGION.to_owned(),
            name: name.to_owned(),
            bucket: BUCKET.to_owned(),
            prefix: String::new(),
            organization: String::new(),
            is_backfill: false,
            key: SigningKey::first(),
            previous: None,
        }
    }

    /// Delivers the log files and the digest of each of these hours.
    pub(crate) fn deliver(&mut self, world: &mut World, hours: std::ops::Range<i64>, logs_per_hour: usize) {
        for start in hours {
            let logs: Vec<_> = (0..logs_per_hour).map(|n| self.log(world, start, n)).collect();
            self.digest(world, start, &logs, |_| {});
        }
    }

    /// Begins a new chain, as when validation was off for a while.
    pub(crate) fn restart(&mut self) {
        self.previous = None;
    }

    pub(crate) fn digest_key(&self, start: i64) -> String {
        let Self { prefix, organization, account, region, name, home_region, .. } = self;
        let end = hour(start + 1);
        let (day, time) = (end.format("%Y/%m/%d"), end.format("%Y%m%dT%H%M%SZ"));
        let backfill = if self.is_backfill { "_backfill" } else { "" };
        format!(
            "{prefix}AWSLogs/{organization}{account}/CloudTrail-Digest/{region}/{day}/{account}_CloudTrail-Digest_{region}_{name}_\
             {home_region}_{time}{backfill}.json.gz"
        )
    }

    pub(crate) fn log_key(&self, start: i64, n: usize) -> String {
        let Self { prefix, organization, account, region, name, .. } = self;
        let time = hour(start) + TimeDelta::minutes(5 + n as i64);
        let (day, minute) = (time.format("%Y/%m/%d"), time.format("%Y%m%dT%H%MZ"));
        let unique = &hex(digest(&SHA256, format!("{name} {start} {n}").as_bytes()).as_ref())[..16];
        format!(
            "{prefix}AWSLogs/{organization}{account}/CloudTrail/{region}/{day}/{account}_CloudTrail_{region}_{minute}_{unique}.json.gz"
        )
    }

    /// Delivers one log file; returns its key and content.
    pub(crate) fn log(&self, world: &mut World, start: i64, n: usize) -> (String, Vec<u8>) {
        let key = self.log_key(start, n);
        let content = self.log_content(start, n);
        world.put(&self.bucket, &key, gzip(&content, 6), Metadata::default());
        (key, content)
    }

    pub(crate) fn log_content(&self, start: i64, n: usize) -> Vec<u8> {
        let event = |event: usize| {
            json!({
                "eventVersion": "1.09", "eventID": format!("{}-{start}-{n}-{event}", self.name),
                "eventTime": hour(start).format("%Y-%m-%dT%H:%M:%SZ").to_string(), "awsRegion": self.region,
                "eventSource": "s3.amazonaws.com", "eventName": "ListBuckets", "recipientAccountId": self.account,
                "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{}:user/u{event}", self.account)},
            })
        };
        serde_json::to_vec(&json!({ "Records": (0..5).map(event).collect::<Vec<_>>() })).unwrap()
    }

    /// Delivers the digest of one hour over `logs`; `edit` changes its JSON before it is signed.
    pub(crate) fn digest(
        &mut self,
        world: &mut World,
        start: i64,
        logs: &[(String, Vec<u8>)],
        edit: impl FnOnce(&mut Value),
    ) {
        let key = self.digest_key(start);
        let mut body = self.body(start, &key, logs);
        edit(&mut body);
        let content = serde_json::to_vec(&body).unwrap();
        let signature = self.key.sign(&string_to_sign(&body, &content));
        let metadata = Metadata {
            signature: Some(signature.clone()),
            signature_algorithm: Some("SHA256withRSA".to_owned()),
            backfill_generation_timestamp: self.is_backfill.then(|| hour(start + 30).to_rfc3339()),
        };
        world.put(&self.bucket, &key, gzip(&content, 6), metadata);
        self.previous = Some((self.bucket.clone(), key, content, signature));
    }

    fn body(&self, start: i64, key: &str, logs: &[(String, Vec<u8>)]) -> Value {
        let time = |start| hour(start).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let log = |(key, content): &(String, Vec<u8>)| {
            json!({
                "s3Bucket": self.bucket, "s3Object": key, "hashValue": sha256(content), "hashAlgorithm": "SHA-256",
                "newestEventTime": time(start), "oldestEventTime": time(start),
            })
        };
        let mut body = json!({
            "awsAccountId": self.account, "digestStartTime": time(start), "digestEndTime": time(start + 1),
            "digestS3Bucket": self.bucket, "digestS3Object": key,
            "digestPublicKeyFingerprint": self.key.public.fingerprint, "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": null, "oldestEventTime": null,
            "previousDigestS3Bucket": null, "previousDigestS3Object": null, "previousDigestHashValue": null,
            "previousDigestHashAlgorithm": null, "previousDigestSignature": null,
            "logFiles": logs.iter().map(log).collect::<Vec<_>>(),
        });
        if let Some((bucket, key, content, signature)) = &self.previous {
            body["previousDigestS3Bucket"] = json!(bucket);
            body["previousDigestS3Object"] = json!(key);
            body["previousDigestHashValue"] = json!(sha256(content));
            body["previousDigestHashAlgorithm"] = json!("SHA-256");
            body["previousDigestSignature"] = json!(signature);
        }
        body
    }
}

fn string_to_sign(body: &Value, content: &[u8]) -> String {
    let text = |name: &str| body[name].as_str().unwrap_or("null").to_owned();
    let place = format!("{}/{}", text("digestS3Bucket"), text("digestS3Object"));
    format!("{}\n{place}\n{}\n{}", text("digestEndTime"), sha256(content), text("previousDigestSignature"))
}

pub(crate) fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut content).unwrap();
    content
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
