//! Blocks of immutable objects in a folder of this machine.
//!
//! ```text
//! DIR/
//!   trailql-cache             marks the folder as one that may be emptied
//!   3f/3f…e1-12.block         block 12 of the object with this hash: content, then a checksum of 8 bytes
//! ```
//!
//! Nothing else is kept anywhere: processes share the folder, and all of it may be deleted at any time. A block that is
//! not there, or not whole, is a miss. Blocks are written under another name and renamed, so that nobody reads half of
//! one. What was used last stays longest: a hit renews the file's time of modification.

use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Bytes of an object that are fetched and kept together: a few pages of a column, or a footer.
pub(crate) const BLOCK_BYTES: u64 = 128 << 10;

const MARKER: &str = "trailql-cache";
const ENDING: &str = "block";
const CHECKSUM_BYTES: usize = 8;

/// A folder of blocks, bounded in size.
#[derive(Debug)]
pub(crate) struct BlockCache {
    folder: PathBuf,
    max_bytes: u64,
    /// Bytes written since the folder was last looked through.
    added: AtomicU64,
}

/// Identity of an object in the cache.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ObjectId(u128);

impl ObjectId {
    pub(crate) fn new(url: &str) -> Self {
        Self(xxh3_128(url.as_bytes()))
    }
}

impl BlockCache {
    /// Makes the folder if need be, and sees to it that it is within its bound.
    ///
    /// Fails if there are files in the folder and it is no cache: what it holds is going to be deleted.
    pub(crate) fn open(folder: &Path, max_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let marker = folder.join(MARKER);
        if !marker.exists() {
            if fs::read_dir(folder)?.next().is_some() {
                return Err(io::Error::other("it holds files that are none of a cache"));
            }
            File::create(marker)?;
        }
        let cache = Self { folder: folder.to_owned(), max_bytes, added: AtomicU64::new(0) };
        cache.sweep()?;
        Ok(cache)
    }

    /// A block, if it is there and whole.
    pub(crate) fn get(&self, object: ObjectId, block: u64) -> Option<Bytes> {
        let path = self.path(object, block);
        let mut content = fs::read(&path).ok()?;
        let (data, checksum) = content.split_last_chunk::<CHECKSUM_BYTES>()?;
        if xxh3_64(data).to_le_bytes() != *checksum {
            return None;
        }
        content.truncate(content.len() - CHECKSUM_BYTES);
        let now = FileTimes::new().set_modified(SystemTime::now());
        // Where that fails, the block is only forgotten earlier.
        let _ = File::open(&path).and_then(|file| file.set_times(now));
        Some(content.into())
    }

    /// Keeps a block; a failure only means that it is fetched again.
    pub(crate) fn put(&self, object: ObjectId, block: u64, data: &[u8]) {
        let size = (data.len() + CHECKSUM_BYTES) as u64;
        if let Err(error) = self.write(&self.path(object, block), data) {
            tracing::debug!(%error, "block is not kept");
            return;
        }
        // Looked through often enough that several processes together stay within the bound, or close to it.
        if self.added.fetch_add(size, Ordering::Relaxed) + size > self.max_bytes / 8 {
            self.added.store(0, Ordering::Relaxed);
            if let Err(error) = self.sweep() {
                tracing::debug!(%error, "cache is not looked through");
            }
        }
    }

    fn write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        static WRITES: AtomicU64 = AtomicU64::new(0);
        let number = WRITES.fetch_add(1, Ordering::Relaxed);
        let unfinished = path.with_extension(format!("{}-{number}", std::process::id()));
        fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
        fs::write(&unfinished, [data, &xxh3_64(data).to_le_bytes()].concat())?;
        fs::rename(&unfinished, path)
    }

    /// Deletes what was not used for longest, until there is some room.
    fn sweep(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for folder in fs::read_dir(&self.folder)? {
            let folder = folder?;
            if !folder.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder.path())? {
                let file = file?;
                // Another process may have deleted it.
                let Ok(metadata) = file.metadata() else { continue };
                files.push((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), metadata.len(), file.path()));
            }
        }
        files.sort_unstable();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, size, path) in files {
            if total <= self.max_bytes / 4 * 3 {
                break;
            }
            fs::remove_file(path).or_else(ignore_missing)?;
            total -= size;
        }
        Ok(())
    }

    fn path(&self, object: ObjectId, block: u64) -> PathBuf {
        let name = format!("{:032x}", object.0);
        self.folder.join(&name[..2]).join(format!("{name}-{block}.{ENDING}"))
    }
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: ObjectId = ObjectId(7);

    fn size(folder: &Path) -> u64 {
        let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        files.map(|path| if path.is_dir() { size(&path) } else { path.metadata().expect("there").len() }).sum()
    }

    #[test]
    fn keeps_blocks_until_they_are_damaged_or_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = BlockCache::open(folder.path(), 1 << 20).expect("a cache");
        assert_eq!(cache.get(OBJECT, 3), None);
        cache.put(OBJECT, 3, b"content");
        cache.put(OBJECT, 4, b"");
        assert_eq!(cache.get(OBJECT, 3).as_deref(), Some(&b"content"[..]));
        assert_eq!(cache.get(OBJECT, 4).as_deref(), Some(&b""[..]));
        let again = BlockCache::open(folder.path(), 1 << 20).expect("the same cache");
        assert_eq!(again.get(OBJECT, 3).as_deref(), Some(&b"content"[..]));
        let path = cache.path(OBJECT, 3);
        for damaged in [&b"c0ntent"[..], b"x", b""] {
            fs::write(&path, damaged).expect("written");
            assert_eq!(cache.get(OBJECT, 3), None);
        }
        fs::remove_dir_all(folder.path()).expect("deleted");
        assert_eq!(cache.get(OBJECT, 4), None);
        cache.put(OBJECT, 4, b"new");
        assert_eq!(cache.get(OBJECT, 4).as_deref(), Some(&b"new"[..]));
    }

    #[test]
    fn stays_within_its_bound() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = BlockCache::open(folder.path(), 100_000).expect("a cache");
        for block in 0..500 {
            cache.put(OBJECT, block, &[1; 1000]);
            assert!(size(folder.path()) <= 100_000);
        }
        assert!(cache.get(OBJECT, 499).is_some() && cache.get(OBJECT, 0).is_none());
    }

    #[test]
    fn takes_no_folder_with_other_files() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("thesis.txt"), "").expect("written");
        assert!(BlockCache::open(folder.path(), 100).is_err());
        assert!(folder.path().join("thesis.txt").exists());
    }
}
