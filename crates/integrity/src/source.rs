//! Where the objects are: one bucket and those that its chains lead to, or a folder with copies.

use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path as FsPath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, future};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::sync::Mutex;

use crate::bucket::Bucket;
use crate::digest::Digest;
use crate::error::IntegrityError;
use crate::evidence::Manifest;
use crate::gunzip::Gunzip;

/// The folder that CloudTrail puts everything in.
pub(crate) const AWS_LOGS: &str = "AWSLogs";

/// Folders above `AWSLogs` that are searched for it.
const MAX_PREFIX_DEPTH: usize = 4;

/// Digests that are looked at for the name of the bucket that a folder is a copy of.
const MAX_PEEKS: usize = 20;

/// Unpacked size of a digest that is looked at.
const PEEK_BYTES: u64 = 64 << 20;

/// Opens the buckets that a chain of digests leads to when a trail has changed its bucket.
#[async_trait]
pub trait OpenBucket: std::fmt::Debug + Send + Sync {
    /// A store rooted at the bucket, or why there is none.
    async fn open(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, Box<dyn std::error::Error + Send + Sync>>;
}

/// What is to be validated.
#[derive(Debug)]
pub struct Source {
    /// As the user gave it.
    pub(crate) name: String,
    pub(crate) roots: Vec<Root>,
    /// Those that were opened, and those that could not be.
    buckets: Mutex<HashMap<String, Option<Arc<Bucket>>>>,
    opener: Option<Arc<dyn OpenBucket>>,
    /// Of exported evidence: what it says about itself.
    manifest: Option<Manifest>,
}

/// One `AWSLogs` folder.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) bucket: Arc<Bucket>,
    /// Path of the folder in the store.
    pub(crate) path: Path,
    pub(crate) store: Arc<dyn ObjectStore>,
    /// Folders below it that the source is limited to.
    pub(crate) narrowed: Vec<String>,
}

impl Root {
    /// What the keys below it begin with, up to and with `AWSLogs/`.
    pub(crate) fn prefix(&self) -> String {
        self.bucket.key_of(&format!("{}/", self.path))
    }
}

impl Source {
    /// A bucket in an object store, or what is below `prefix` in it. `opener` opens others that its chains lead to.
    pub async fn bucket(
        name: &str,
        store: Arc<dyn ObjectStore>,
        prefix: &str,
        opener: Option<Arc<dyn OpenBucket>>,
    ) -> Result<Self, IntegrityError> {
        let source_name = format!("s3://{name}/{prefix}");
        let bucket = Arc::new(Bucket::new(name, Arc::clone(&store)));
        let parts: Vec<String> = prefix.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let (above, narrowed) = split_at_aws_logs(parts);
        let above = Path::from_iter(above);
        let paths = find_aws_logs(store.as_ref(), above).await;
        let paths = paths.map_err(|source| IntegrityError::Open { source_name: source_name.clone(), source })?;
        let root =
            |path| Root { bucket: Arc::clone(&bucket), path, store: Arc::clone(&store), narrowed: narrowed.clone() };
        let roots = paths.into_iter().map(root).collect();
        Self { name: source_name, roots, buckets: Mutex::default(), opener, manifest: None }.checked()
    }

    /// A folder that is a copy of a bucket, of a part of one, or exported evidence.
    ///
    /// `copy_of` names the bucket, and the prefix within it after a `/`. Without it, and without a manifest of exported
    /// evidence, both are taken from what most of the first digests say.
    pub async fn folder(folder: &FsPath, copy_of: Option<&str>) -> Result<Self, IntegrityError> {
        let name = folder.display().to_string();
        let open_error = |source| IntegrityError::Open { source_name: name.clone(), source };
        let whole = folder.canonicalize().map_err(|error| open_error(missing(error)))?;
        let parts = whole.components().map(|part| match part {
            Component::Normal(part) => part.to_string_lossy().into_owned(),
            _ => String::new(),
        });
        let (above, narrowed) = split_at_aws_logs(parts.collect());
        let base: PathBuf = whole.components().take(above.len()).collect();
        let manifest = Manifest::read(&base)?;
        let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(&base).map_err(open_error)?);
        let paths = find_aws_logs(store.as_ref(), Path::default()).await.map_err(open_error)?;
        let mut roots = Vec::new();
        for path in paths {
            let above = path.as_ref().strip_suffix(AWS_LOGS).unwrap_or_default().to_owned();
            let place = match (copy_of, &manifest) {
                (Some(place), _) => stated_place(place, &above),
                (None, Some(_)) => evidence_place(&path),
                (None, None) => peek_at_place(store.as_ref(), &path).await,
            };
            let (bucket, key_prefix) = place;
            let bucket = Bucket::copied(bucket, key_prefix, above, Arc::clone(&store), base.clone());
            roots.push(Root { bucket: Arc::new(bucket), path, store: Arc::clone(&store), narrowed: narrowed.clone() });
        }
        Self { name, roots, buckets: Mutex::default(), opener: None, manifest }.checked()
    }

    /// What exported evidence says about itself; `None` for other sources.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// Names of the buckets that it is, or is a copy of.
    pub fn bucket_names(&self) -> BTreeSet<&str> {
        self.roots.iter().map(|root| root.bucket.name()).collect()
    }

    /// The file that an object of the bucket is in, as ingest names it: a path in a copy, and a URL elsewhere.
    pub fn file_name(&self, bucket: &str, key: &str) -> String {
        let root = self.roots.iter().map(|root| &root.bucket).find(|root| root.name() == bucket && root.covers(key));
        root.map_or_else(|| format!("s3://{bucket}/{key}"), |root| root.file_name(key))
    }

    /// The bucket that `key` is to be read from; `None` if it is not at hand.
    pub(crate) async fn find(&self, bucket: &str, key: &str) -> Option<Arc<Bucket>> {
        let roots = self.roots.iter().map(|root| &root.bucket).filter(|found| found.name() == bucket);
        if let Some(found) = roots.into_iter().find(|found| found.covers(key)) {
            return Some(Arc::clone(found));
        }
        let opener = self.opener.as_ref()?;
        let mut buckets = self.buckets.lock().await;
        if let Some(opened) = buckets.get(bucket) {
            return opened.clone();
        }
        let opened = match opener.open(bucket).await {
            Ok(store) => Some(Arc::new(Bucket::new(bucket, store))),
            Err(error) => {
                tracing::warn!(bucket, %error, "a chain leads to a bucket that cannot be opened");
                None
            }
        };
        buckets.insert(bucket.to_owned(), opened.clone());
        opened
    }

    /// The bucket that `key` is in, if it lies below one of the `AWSLogs` folders that are to be validated.
    pub(crate) fn root_of(&self, bucket: &str, key: &str) -> Option<Arc<Bucket>> {
        let roots = self.roots.iter().filter(|root| root.bucket.name() == bucket);
        roots
            .map(|root| (root, root.prefix()))
            .find(|(_, prefix)| key.starts_with(prefix))
            .map(|(root, _)| Arc::clone(&root.bucket))
    }

    fn checked(self) -> Result<Self, IntegrityError> {
        if self.roots.is_empty() { Err(IntegrityError::NoTrail { source_name: self.name }) } else { Ok(self) }
    }
}

/// Cuts a path at its last `AWSLogs`: what is above it, and what is below.
fn split_at_aws_logs(mut parts: Vec<String>) -> (Vec<String>, Vec<String>) {
    match parts.iter().rposition(|part| part == AWS_LOGS) {
        Some(at) => {
            let below = parts.split_off(at + 1);
            parts.pop();
            (parts, below)
        }
        None => (parts, Vec::new()),
    }
}

/// Paths of the `AWSLogs` folders below `above`.
async fn find_aws_logs(store: &dyn ObjectStore, above: Path) -> object_store::Result<Vec<Path>> {
    let mut found = Vec::new();
    let mut level = vec![above];
    for _ in 0..=MAX_PREFIX_DEPTH {
        let mut next = Vec::new();
        for folder in level {
            for child in store.list_with_delimiter(Some(&folder)).await?.common_prefixes {
                if child.filename() == Some(AWS_LOGS) { found.push(child) } else { next.push(child) }
            }
        }
        level = next;
    }
    found.sort();
    Ok(found)
}

/// `bucket/prefix` as a user names it; `above` are the folders between the source and `AWSLogs`.
fn stated_place(place: &str, above: &str) -> (String, String) {
    let place = place.trim_start_matches("s3://");
    let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
    match prefix.trim_matches('/') {
        "" => (bucket.to_owned(), above.to_owned()),
        prefix => (bucket.to_owned(), format!("{prefix}/{above}")),
    }
}

/// Exported evidence lies in a folder per bucket.
fn evidence_place(aws_logs: &Path) -> (String, String) {
    let above = aws_logs.as_ref().strip_suffix(AWS_LOGS).unwrap_or_default();
    let (bucket, prefix) = above.split_once('/').unwrap_or((above, ""));
    (bucket.to_owned(), prefix.to_owned())
}

/// What most of some digests say about where they were delivered to.
///
/// A wrong answer makes valid digests look moved, and never the other way round: the place is part of what is signed.
async fn peek_at_place(store: &dyn ObjectStore, aws_logs: &Path) -> (String, String) {
    let mut votes: HashMap<(String, String), usize> = HashMap::new();
    let mut gunzip = Gunzip::new();
    for path in some_digests(store, aws_logs).await {
        let Ok(got) = store.get(&path).await else { continue };
        let Ok(packed) = got.bytes().await else { continue };
        let Ok((json, _)) = gunzip.unpack(&packed, PEEK_BYTES) else { continue };
        let Ok(digest) = Digest::parse(&json) else { continue };
        let Some(at) = digest.digest_s3_object.rfind(AWS_LOGS) else { continue };
        *votes.entry((digest.digest_s3_bucket, digest.digest_s3_object[..at].to_owned())).or_default() += 1;
    }
    let most = votes.into_iter().max_by(|(a_place, a), (b_place, b)| a.cmp(b).then_with(|| b_place.cmp(a_place)));
    most.map(|(place, _)| place).unwrap_or_default()
}

async fn some_digests(store: &dyn ObjectStore, aws_logs: &Path) -> Vec<Path> {
    let is_digest = |path: &Path| path.as_ref().contains("/CloudTrail-Digest/") && path.as_ref().ends_with(".json.gz");
    let listed = store.list(Some(aws_logs)).map_ok(|object| object.location);
    let digests = listed.filter_map(|path| future::ready(path.ok().filter(is_digest)));
    digests.take(MAX_PEEKS).collect().await
}

fn missing(source: std::io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "folder", source: source.into() }
}
