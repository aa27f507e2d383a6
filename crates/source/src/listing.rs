//! Which log files a source has.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use walkdir::WalkDir;
use xxhash_rust::xxh3::xxh3_128;

use crate::key::LogKey;

/// Endings of files that a folder is searched for.
const ENDINGS: [&str; 6] = ["json", "gz", "jsonl", "ndjson", "log", "cloudtrail"];

/// One log file, as it was when listed.
#[derive(Debug, Clone)]
pub struct LogFile {
    /// Absolute path; the value of `sourcefile`.
    pub name: String,
    /// Size in bytes, as stored.
    pub size_bytes: u64,
    /// Identity of the file with this size and modification time: hash of name, size and time.
    pub identity: u128,
    /// What its place says about it, if it is laid out as CloudTrail delivers.
    pub key: Option<LogKey>,
    path: PathBuf,
}

/// What was found at some sources.
#[derive(Debug, Default)]
pub struct Listing {
    /// Log files in the order in which they are best read: by day and region, so that neighbours share partitions.
    pub files: Vec<LogFile>,
    /// Files that do not look like logs by their names, and were left alone.
    pub ignored: Vec<PathBuf>,
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
    #[error("{url}: {scheme}:// sources are not supported yet; give a file, a folder or a pattern")]
    Scheme {
        /// The source as given.
        url: String,
        /// Its scheme.
        scheme: String,
    },
}

/// Lists the log files at `sources`: files, folders (searched whole) and patterns such as `logs/2024-*/*.gz`.
///
/// A file that is named itself is taken whatever its name. A file reached twice is listed once.
pub fn list(sources: &[String]) -> Result<Listing, SourceError> {
    let mut listing = Listing::default();
    for source in sources {
        let before = listing.files.len() + listing.unreadable.len();
        let path = Path::new(source);
        if path.exists() {
            listing.add(path);
        } else if let Some((scheme, _)) = source.split_once("://") {
            return Err(SourceError::Scheme { url: source.clone(), scheme: scheme.to_owned() });
        } else if source.contains(['*', '?', '[']) {
            listing.add_pattern(source)?;
        } else {
            return Err(SourceError::Missing { path: source.clone() });
        }
        if listing.files.len() + listing.unreadable.len() == before {
            return Err(SourceError::NoLogFiles { path: source.clone() });
        }
    }
    listing.files.sort_by(|a, b| a.order().cmp(&b.order()));
    listing.files.dedup_by(|a, b| a.path == b.path);
    Ok(listing)
}

impl Listing {
    fn add(&mut self, path: &Path) {
        match path.canonicalize() {
            Ok(path) if path.is_dir() => self.add_folder(&path),
            Ok(path) => self.add_file(path),
            Err(error) => self.unreadable.push((path.display().to_string(), error)),
        }
    }

    fn add_pattern(&mut self, pattern: &str) -> Result<(), SourceError> {
        let paths = glob::glob(pattern)
            .map_err(|error| SourceError::Pattern { pattern: pattern.to_owned(), reason: error.to_string() })?;
        for path in paths {
            match path {
                Ok(path) => self.add(&path),
                Err(error) => self.unreadable.push((error.path().display().to_string(), error.into())),
            }
        }
        Ok(())
    }

    fn add_folder(&mut self, folder: &Path) {
        let shown = |name: &OsStr| !name.as_encoded_bytes().starts_with(b".");
        let walk = WalkDir::new(folder).follow_links(true);
        for entry in walk.into_iter().filter_entry(|entry| entry.depth() == 0 || shown(entry.file_name())) {
            match entry {
                Ok(entry) if !entry.file_type().is_file() => {}
                Ok(entry) if is_log_name(entry.path()) => self.add_file(entry.into_path()),
                Ok(entry) => self.ignored.push(entry.into_path()),
                Err(error) => {
                    let path = error.path().unwrap_or(folder).display().to_string();
                    let error = error.into_io_error().unwrap_or_else(|| std::io::Error::other("a loop of links"));
                    self.unreadable.push((path, error));
                }
            }
        }
    }

    fn add_file(&mut self, path: PathBuf) {
        match path.metadata() {
            Ok(metadata) => self.files.push(LogFile::new(path, &metadata)),
            Err(error) => self.unreadable.push((path.display().to_string(), error)),
        }
    }
}

impl LogFile {
    /// The file on disk.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn new(path: PathBuf, metadata: &Metadata) -> Self {
        let name = path.to_string_lossy().into_owned();
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let mut identity = path.as_os_str().as_encoded_bytes().to_vec();
        identity.extend_from_slice(&metadata.len().to_le_bytes());
        identity.extend_from_slice(&modified.unwrap_or_default().as_nanos().to_le_bytes());
        Self { key: LogKey::parse(&name), size_bytes: metadata.len(), identity: xxh3_128(&identity), name, path }
    }

    /// Files of one day and region are read together, so that few partitions are open at a time.
    fn order(&self) -> impl Ord + '_ {
        (self.key.as_ref().map(|key| (key.day, key.region.as_str())), self.path.as_path())
    }
}

fn is_log_name(path: &Path) -> bool {
    path.extension()
        .and_then(OsStr::to_str)
        .is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(listing: &Listing) -> Vec<String> {
        listing.files.iter().map(|file| file.path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn lists_folders_files_and_patterns_once() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.json.gz", "a.json", "notes.txt", ".hidden.json"] {
            fs::write(folder.path().join(name), "{}").expect("written");
        }
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let sources = [text(folder.path()), text(&folder.path().join("a.json")), text(&folder.path().join("*.gz"))];
        let listing = list(&sources).expect("listed");
        assert_eq!(names(&listing), ["a.json", "b.json.gz"]);
        assert_eq!(listing.ignored.len(), 1);
        let named = list(&[text(&folder.path().join("notes.txt"))]).expect("listed");
        assert_eq!(names(&named), ["notes.txt"]);
    }

    #[test]
    fn says_what_is_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = folder.path().to_str().expect("UTF-8").to_owned();
        assert!(matches!(list(&[empty]), Err(SourceError::NoLogFiles { .. })));
        assert!(matches!(list(&["/no/such/folder".to_owned()]), Err(SourceError::Missing { .. })));
        assert!(matches!(list(&["s3://bucket/prefix".to_owned()]), Err(SourceError::Scheme { .. })));
    }

    #[test]
    fn a_changed_file_has_another_identity() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        let identity = |content: &str| {
            fs::write(&path, content).expect("written");
            LogFile::new(path.clone(), &path.metadata().expect("there")).identity
        };
        assert_ne!(identity("{}"), identity("{ }"));
    }
}
