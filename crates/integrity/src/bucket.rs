//! A bucket, or a folder that is a copy of one: objects, and what S3 knows about them beside their bytes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt};
use object_store::path::Path;
use object_store::{Attribute, Attributes, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt};
use serde_json::Value;

use crate::error::IntegrityError;

/// Beside a digest of a local copy: its S3 metadata, as `aws s3api head-object` prints them.
pub(crate) const SIDECAR: &str = ".metadata.json";

/// Objects under the keys that they have in S3.
#[derive(Debug)]
pub struct Bucket {
    name: String,
    /// What keys begin with in S3, and do not in the store.
    key_prefix: String,
    /// What they begin with in the store instead.
    store_prefix: String,
    store: Arc<dyn ObjectStore>,
    /// Where the store is, if it is a folder on disk.
    folder: Option<PathBuf>,
}

/// One listed object.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) key: String,
    /// Differs for two objects that may hold different bytes; `None` where nothing forbids to forge that.
    pub(crate) identity: Option<String>,
}

/// What S3 keeps beside a digest: `x-amz-meta-signature` and others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The signature, in hexadecimal.
    pub signature: Option<String>,
    /// Its algorithm.
    pub signature_algorithm: Option<String>,
    /// When a backfill digest was made.
    pub backfill_generation_timestamp: Option<String>,
}

/// Where the metadata of digests come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetadataFrom {
    /// The store has them.
    Attributes,
    /// A file beside each digest.
    Sidecars,
    /// Nobody has them; signatures must come from the successors.
    Nowhere,
}

impl Bucket {
    /// A bucket as `store` shows it.
    pub fn new(name: impl Into<String>, store: Arc<dyn ObjectStore>) -> Self {
        let (key_prefix, store_prefix) = Default::default();
        Self { name: name.into(), key_prefix, store_prefix, store, folder: None }
    }

    /// A copy in `folder`, which `store` shows, of what is in the bucket of that name: keys that begin with
    /// `key_prefix` lie below `store_prefix`. Both prefixes are empty or end in `/`.
    pub(crate) fn copied(
        name: String,
        key_prefix: String,
        store_prefix: String,
        store: Arc<dyn ObjectStore>,
        folder: PathBuf,
    ) -> Self {
        Self { name, key_prefix, store_prefix, store, folder: Some(folder) }
    }

    /// Its name in S3.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a copy on disk.
    pub(crate) fn is_copy(&self) -> bool {
        self.folder.is_some()
    }

    /// The key of what lies at a path of the store below this bucket's part of it.
    pub(crate) fn key_of(&self, path: &str) -> String {
        format!("{}{}", self.key_prefix, path.strip_prefix(&self.store_prefix).unwrap_or(path))
    }

    /// The file that a copy has the object in, or the object's URL.
    pub(crate) fn file_name(&self, key: &str) -> String {
        match (&self.folder, self.path(key)) {
            (Some(folder), Ok(path)) => folder.join(path.as_ref()).to_string_lossy().into_owned(),
            _ => format!("s3://{}/{key}", self.name),
        }
    }

    /// Whether objects with that key would be in this copy or bucket.
    pub(crate) fn covers(&self, key: &str) -> bool {
        key.starts_with(&self.key_prefix)
    }

    fn path(&self, key: &str) -> Result<Path, object_store::path::Error> {
        Path::parse(format!("{}{}", self.store_prefix, key.strip_prefix(&self.key_prefix).unwrap_or(key)))
    }

    /// Reads an object; the bytes come as they are asked for.
    pub(crate) async fn get(&self, key: &str) -> object_store::Result<GetResult> {
        self.store.get(&self.path(key)?).await
    }

    /// Metadata of the digest at `key`, which was answered with `attributes`; all empty where there are none, or none that can be read.
    pub(crate) async fn metadata(
        &self,
        key: &str,
        attributes: &Attributes,
        from: MetadataFrom,
    ) -> object_store::Result<Metadata> {
        match from {
            MetadataFrom::Nowhere => Ok(Metadata::default()),
            MetadataFrom::Attributes => Ok(Metadata::from_attributes(attributes)),
            MetadataFrom::Sidecars => match self.get(&format!("{key}{SIDECAR}")).await {
                Ok(sidecar) => Ok(Metadata::from_json(&sidecar.bytes().await?)),
                Err(object_store::Error::NotFound { .. }) => Ok(Metadata::default()),
                Err(error) => Err(error),
            },
        }
    }

    /// The objects below the folder `prefix` whose keys follow behind `after`, in no particular order.
    pub(crate) fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&str>,
    ) -> Result<impl Stream<Item = Result<Listed, IntegrityError>> + 'a, IntegrityError> {
        let path = |key: &str| self.path(key).map_err(|source| IntegrityError::Key { key: key.to_owned(), source });
        let folder = path(prefix)?;
        let objects = match after {
            Some(after) => self.store.list_with_offset(Some(&folder), &path(after)?),
            None => self.store.list(Some(&folder)),
        };
        Ok(objects.map(move |object| match object {
            Ok(object) => Ok(self.listed(&object)),
            Err(source) => Err(self.list_error(prefix, source)),
        }))
    }

    fn listed(&self, object: &ObjectMeta) -> Listed {
        let identity = match &self.folder {
            None => object.e_tag.as_ref().map(|tag| identity(object.size, object.last_modified, tag)),
            Some(folder) => changed(&folder.join(object.location.as_ref()))
                .map(|changed| identity(object.size, object.last_modified, &changed)),
        };
        Listed { key: self.key_of(object.location.as_ref()), identity }
    }

    fn list_error(&self, prefix: &str, source: object_store::Error) -> IntegrityError {
        IntegrityError::List { prefix: format!("s3://{}/{prefix}", self.name), source }
    }
}

fn identity(size: u64, modified: DateTime<Utc>, tag: &str) -> String {
    format!("{size} {} {tag}", modified.timestamp_micros())
}

/// Inode and time of the last change of a file; unlike the time of modification, nobody can set that one.
#[cfg(unix)]
fn changed(path: &std::path::Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = path.metadata().ok()?;
    Some(format!("{} {} {}", metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}

#[cfg(not(unix))]
fn changed(_path: &std::path::Path) -> Option<String> {
    None
}

impl Metadata {
    fn from_attributes(attributes: &Attributes) -> Self {
        let get = |name: &'static str| {
            attributes.get(&Attribute::Metadata(name.into())).map(|value| value.as_ref().to_owned())
        };
        Self::collect(get)
    }

    /// Reads a sidecar: the object `Metadata` in what `aws s3api head-object` prints, or that object alone.
    fn from_json(json: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(json) else { return Self::default() };
        let metadata = value.get("Metadata").unwrap_or(&value);
        Self::collect(|name| metadata.get(name).and_then(Value::as_str).map(str::to_owned))
    }

    fn collect(get: impl Fn(&'static str) -> Option<String>) -> Self {
        Self {
            signature: get("signature"),
            signature_algorithm: get("signature-algorithm"),
            backfill_generation_timestamp: get("backfill-generation-timestamp"),
        }
    }

    /// The sidecar that holds them.
    pub fn to_json(&self) -> String {
        let members: BTreeMap<_, _> = [
            ("signature", &self.signature),
            ("signature-algorithm", &self.signature_algorithm),
            ("backfill-generation-timestamp", &self.backfill_generation_timestamp),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
        .collect();
        format!("{:#}\n", serde_json::json!({ "Metadata": members }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sidecars_of_both_shapes() {
        let metadata = Metadata { signature: Some("00ff".to_owned()), ..Metadata::default() };
        assert_eq!(Metadata::from_json(metadata.to_json().as_bytes()), metadata);
        assert_eq!(Metadata::from_json(br#"{"signature":"00ff"}"#), metadata);
        assert_eq!(Metadata::from_json(b"no JSON"), Metadata::default());
    }
}
