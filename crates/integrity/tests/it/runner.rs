//! Runs the library over a made world, and says shortly what it found.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use object_store::memory::InMemory;
use object_store::path::Path as StorePath;
use object_store::{Attribute, Attributes, ObjectStore, PutOptions};
use trailql_integrity::{
    Filters, Finding, IntegrityError, KeyRing, KeySource, Metadata, OpenBucket, Progress, PublicKey, Report, Severity,
    Source, ValidateOptions, validate,
};

use crate::maker::{BUCKET, World};

/// What a validation found: the report, and every finding.
pub(crate) struct Run {
    pub(crate) report: Report,
    pub(crate) findings: Vec<Finding>,
}

impl Run {
    /// What is not valid, as `location code`, with the names of `names` for locations.
    pub(crate) fn complaints(&self, names: &BTreeMap<String, String>) -> Vec<String> {
        let complaint = |finding: &Finding| {
            let name = names.get(&finding.key).cloned().unwrap_or_else(|| finding.key.clone());
            format!("{name} {}", finding.verdict.code())
        };
        let bad = self.findings.iter().filter(|finding| finding.verdict.severity() != Severity::Valid);
        let mut complaints: Vec<_> = bad.map(complaint).collect();
        complaints.sort();
        complaints
    }
}

/// Keys as CloudTrail's API gives them out: those that were valid in the time asked for.
#[derive(Debug)]
pub(crate) struct Keys(pub(crate) Vec<PublicKey>);

#[async_trait::async_trait]
impl KeySource for Keys {
    async fn list(
        &self,
        _region: &str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Result<Vec<PublicKey>, Box<dyn std::error::Error + Send + Sync>> {
        let in_time = |key: &&PublicKey| {
            key.valid_from.is_none_or(|from| from <= end) && key.valid_until.is_none_or(|until| until >= start)
        };
        Ok(self.0.iter().filter(in_time).cloned().collect())
    }
}

/// Validates `source` with keys from the stand-in for the API.
pub(crate) async fn run(source: Source, keys: &[PublicKey], options: ValidateOptions) -> Result<Run, IntegrityError> {
    let keys = Arc::new(KeyRing::new(Some(Arc::new(Keys(keys.to_vec())))));
    run_with(source, keys, options).await
}

/// Validates `source` with the keys on a ring.
pub(crate) async fn run_with(
    source: Source,
    keys: Arc<KeyRing>,
    options: ValidateOptions,
) -> Result<Run, IntegrityError> {
    let mut findings = Vec::new();
    let observe = |finding: &Finding| findings.push(finding.clone());
    let report = validate(Arc::new(source), options, keys, Arc::new(Progress::default()), observe).await?;
    Ok(Run { report, findings })
}

/// The buckets of a world in memory, as S3 would show them.
#[derive(Debug, Default)]
pub(crate) struct Stores(BTreeMap<String, Arc<InMemory>>);

impl Stores {
    pub(crate) async fn new(world: &World) -> Self {
        let mut stores = Self::default();
        for ((bucket, key), object) in &world.objects {
            let store = stores.0.entry(bucket.clone()).or_default();
            put(store.as_ref(), key, object.bytes.clone(), &object.metadata).await;
        }
        stores
    }
}

#[async_trait::async_trait]
impl OpenBucket for Stores {
    async fn open(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, Box<dyn std::error::Error + Send + Sync>> {
        let store = self.0.get(bucket).ok_or("no such bucket")?;
        Ok(Arc::clone(store) as Arc<dyn ObjectStore>)
    }
}

/// Writes an object with its metadata.
pub(crate) async fn put(store: &dyn ObjectStore, key: &str, bytes: Vec<u8>, metadata: &Metadata) {
    let members = [
        ("signature", &metadata.signature),
        ("signature-algorithm", &metadata.signature_algorithm),
        ("backfill-generation-timestamp", &metadata.backfill_generation_timestamp),
    ];
    let attributes: Attributes = members
        .into_iter()
        .filter_map(|(name, value)| Some((Attribute::Metadata(name.into()), value.clone()?)))
        .collect();
    let options = PutOptions { attributes, ..PutOptions::default() };
    store.put_opts(&StorePath::parse(key).unwrap(), bytes.into(), options).await.unwrap();
}

/// A world's trail bucket in memory.
pub(crate) async fn in_memory(world: &World) -> Source {
    let stores = Arc::new(Stores::new(world).await);
    let store = stores.open(BUCKET).await.unwrap();
    Source::bucket(BUCKET, store, "", Some(stores)).await.unwrap()
}

/// A world's buckets as copies on disk, with sidecars.
pub(crate) async fn on_disk(world: &World, folder: &Path) -> Source {
    world.write(folder, true);
    Source::folder(&folder.join(BUCKET), Some(BUCKET)).await.unwrap()
}

/// Options for a range of time.
pub(crate) fn range(since: DateTime<Utc>, until: DateTime<Utc>) -> ValidateOptions {
    ValidateOptions {
        filters: Filters { since: Some(since), until, ..Filters::default() },
        ..ValidateOptions::default()
    }
}
