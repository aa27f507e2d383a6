//! Which log files a source has.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempPath;
use trailql_store::{Bucket, ListedObject, Problem, S3Location, StoreError, Stores};
use xxhash_rust::xxh3::xxh3_128;

use crate::key::LogKey;
use crate::local::list_local;
use crate::s3::list_s3;
use crate::scope::ListingScope;
use crate::stdin::{STDIN, spool};

/// Endings of files that a folder is searched for.
const ENDINGS: [&str; 6] = ["json", "gz", "jsonl", "ndjson", "log", "cloudtrail"];

/// One log file, as it was when listed.
#[derive(Debug, Clone)]
pub struct LogFile {
    /// Absolute path or URL; the value of `sourcefile`.
    pub name: String,
    /// Size in bytes, as stored.
    pub size_bytes: u64,
    /// Identity of the file with this content, as far as that shows without reading it: a hash of name, size and
    /// modification time, or of URL, size and ETag.
    pub identity: u128,
    /// When it was last written, which for a delivered file is when it was delivered.
    pub modified: Option<SystemTime>,
    /// What its place says about it, if it is laid out as CloudTrail delivers.
    pub key: Option<LogKey>,
    pub(crate) place: Place,
}

/// Where the bytes of a log file are.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// On this machine.
    Local(PathBuf),
    /// Copied from standard input, and deleted when nobody needs it any more.
    Spooled(Arc<TempPath>),
    /// In a bucket, under the key that the file's name ends with.
    Object { bucket: Bucket, e_tag: Option<String> },
}

/// What was found at some sources.
#[derive(Debug, Default)]
pub struct Listing {
    /// Log files in the order in which they are best read: by day and region, so that neighbours share partitions.
    pub files: Vec<LogFile>,
    /// Files that do not look like logs by their names, and folders of a trail's bucket that hold no events (digests,
    /// logs of other services); they were left alone.
    pub ignored: Vec<String>,
    /// Files and folders that could not be looked at, with the reason.
    pub unreadable: Vec<(String, std::io::Error)>,
}

/// A source that cannot be listed at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Nothing is there.
    #[error("{path}: no such file or folder")]
    Missing {
        /// The source as given.
        path: String,
    },
    /// A pattern with `*`, `?` or `[` that cannot be read.
    #[error("{pattern}: not a pattern ({reason})")]
    Pattern {
        /// The source as given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A folder or pattern without a single log file.
    #[error("{path}: no log files there (looked for *.json, *.json.gz, *.jsonl, *.ndjson, *.log)")]
    NoLogFiles {
        /// The source as given.
        path: String,
    },
    /// A URL whose scheme is not supported.
    #[error("{url}: {scheme}:// sources are not supported; give a file, a folder, a pattern or an s3:// URL")]
    Scheme {
        /// The source as given.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// The bucket cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store refused to list.
    #[error("{url} cannot be listed: {problem}")]
    List {
        /// What was to be listed.
        url: String,
        /// Why it was not.
        problem: Problem,
    },
    /// Standard input broke off, or there is no room for a copy of it.
    #[error("standard input cannot be read")]
    Stdin(#[source] std::io::Error),
    /// The search of a local folder was interrupted.
    #[error("listing log files was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl SourceError {
    pub(crate) fn pattern(pattern: &str, error: &glob::PatternError) -> Self {
        Self::Pattern { pattern: pattern.to_owned(), reason: error.to_string() }
    }
}

/// Lists the log files at `sources`: files, folders (searched whole), patterns such as `logs/2024-*/*.gz`, and the same
/// as URLs (`s3://bucket/key`, `s3://bucket/prefix/`, `s3://bucket/prefix/*/*.gz`).
///
/// `-` is standard input, as one log file. A file that is named itself is taken whatever its name. A file reached twice is listed once. Of a bucket, folders that
/// `scope` rules out are not listed.
pub async fn list(stores: &Stores, sources: &[String], scope: &ListingScope) -> Result<Listing, SourceError> {
    let mut listing = Listing::default();
    for source in sources {
        let before = listing.files.len() + listing.unreadable.len();
        let may_be_empty = match S3Location::parse(source) {
            Some(location) => list_s3(stores, &location?, scope, &mut listing).await?,
            None if source == STDIN => {
                let spooled = tokio::task::spawn_blocking(|| spool(std::io::stdin().lock())).await;
                listing.files.push(spooled.map_err(SourceError::Interrupted)?.map_err(SourceError::Stdin)?);
                false
            }
            None => {
                listing = list_local_apart(source.clone(), listing).await?;
                false
            }
        };
        if !may_be_empty && listing.files.len() + listing.unreadable.len() == before {
            return Err(SourceError::NoLogFiles { path: source.clone() });
        }
    }
    listing.files.sort_by(|a, b| a.order().cmp(&b.order()));
    listing.files.dedup_by(|a, b| a.is_same_file(b));
    Ok(listing)
}

/// Walks folders on a thread that may block.
async fn list_local_apart(source: String, mut listing: Listing) -> Result<Listing, SourceError> {
    let walk = move || list_local(&source, &mut listing).map(|()| listing);
    tokio::task::spawn_blocking(walk).await.map_err(SourceError::Interrupted)?
}

impl LogFile {
    pub(crate) fn local(path: PathBuf, metadata: &Metadata) -> Self {
        let name = path.to_string_lossy().into_owned();
        let modified = metadata.modified().ok();
        let identity = local_identity(&path, metadata.len(), modified);
        let key = LogKey::parse(&name);
        Self { key, size_bytes: metadata.len(), identity, modified, name, place: Place::Local(path) }
    }

    pub(crate) fn object(bucket: &Bucket, object: ListedObject) -> Self {
        let name = format!("s3://{}/{}", bucket.name(), object.key);
        let identity = object_identity(&name, object.size_bytes, object.e_tag.as_deref());
        let place = Place::Object { bucket: bucket.clone(), e_tag: object.e_tag };
        let (key, modified) = (LogKey::parse(&name), Some(object.modified));
        Self { key, size_bytes: object.size_bytes, identity, modified, name, place }
    }

    fn is_same_file(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (Place::Local(path), Place::Local(other)) => path == other,
            (Place::Object { .. }, Place::Object { .. }) | (Place::Spooled(_), Place::Spooled(_)) => {
                self.name == other.name
            }
            _ => false,
        }
    }

    /// Files of one day and region are read together, so that few partitions are open at a time.
    fn order(&self) -> impl Ord + '_ {
        let path = match &self.place {
            Place::Local(path) => path.as_path(),
            Place::Object { .. } | Place::Spooled(_) => Path::new(&self.name),
        };
        (self.key.as_ref().map(|key| (key.day, key.region.as_str())), path)
    }
}

/// Identity of a file on this machine; see [`LogFile::identity`].
pub fn local_identity(path: &Path, size_bytes: u64, modified: Option<SystemTime>) -> u128 {
    let nanos = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default().as_nanos();
    identity(path.as_os_str().as_encoded_bytes(), size_bytes, &nanos.to_le_bytes())
}

/// Identity of an object by its URL; see [`LogFile::identity`].
pub fn object_identity(url: &str, size_bytes: u64, e_tag: Option<&str>) -> u128 {
    identity(url.as_bytes(), size_bytes, e_tag.unwrap_or("").as_bytes())
}

fn identity(name: &[u8], size_bytes: u64, version: &[u8]) -> u128 {
    xxh3_128(&[name, &size_bytes.to_le_bytes(), version].concat())
}

/// Whether a name looks like that of a log file.
pub(crate) fn is_log_name(path: &Path) -> bool {
    path.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    async fn list_all(sources: &[String]) -> Result<Listing, SourceError> {
        list(&Stores::default(), sources, &ListingScope::default()).await
    }

    fn names(listing: &Listing) -> Vec<String> {
        let name = |file: &LogFile| file.name.rsplit('/').next().expect("a name").to_owned();
        listing.files.iter().map(name).collect()
    }

    #[tokio::test]
    async fn lists_folders_files_and_patterns_once() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.json.gz", "a.json", "notes.txt", ".hidden.json"] {
            fs::write(folder.path().join(name), "{}").expect("written");
        }
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let sources = [text(folder.path()), text(&folder.path().join("a.json")), text(&folder.path().join("*.gz"))];
        let listing = list_all(&sources).await.expect("listed");
        assert_eq!(names(&listing), ["a.json", "b.json.gz"]);
        assert_eq!(listing.ignored.len(), 1);
        let named = list_all(&[text(&folder.path().join("notes.txt"))]).await.expect("listed");
        assert_eq!(names(&named), ["notes.txt"]);
    }

    #[tokio::test]
    async fn says_what_is_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = folder.path().to_str().expect("UTF-8").to_owned();
        assert!(matches!(list_all(&[empty]).await, Err(SourceError::NoLogFiles { .. })));
        assert!(matches!(list_all(&["/no/such/folder".to_owned()]).await, Err(SourceError::Missing { .. })));
        assert!(matches!(list_all(&["gs://bucket/prefix".to_owned()]).await, Err(SourceError::Scheme { .. })));
        assert!(matches!(list_all(&["s3:///prefix".to_owned()]).await, Err(SourceError::Store(_))));
    }
}
