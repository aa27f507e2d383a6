//! Log files that were proved in earlier runs and need not be read again.
//!
//! Nothing in the file is believed for being there. An entry is an HMAC over a log file's place, the hash that a digest
//! says it has, and the object's identity as just listed; its key is a secret that lies elsewhere. So a forger without
//! the secret can take entries away, which costs time, and cannot add one; a log file that was written again has another
//! identity, and no entry. Digests are never skipped: the hash comes from a digest whose signature was verified in the
//! same run.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ring::hmac::{self, HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::IntegrityError;

/// What the file begins with.
const MAGIC: &[u8; 16] = b"trailql proved 1";

/// Bytes of the HMAC that are kept; a forger has 2^128 to try.
const TAG_BYTES: usize = 16;

const SECRET_BYTES: usize = 32;

type Tag = [u8; TAG_BYTES];

/// Log files that were proved, in earlier runs and in this one.
pub struct ProvedLogs {
    file: PathBuf,
    secret: hmac::Key,
    tags: Mutex<HashSet<Tag>>,
}

impl std::fmt::Debug for ProvedLogs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProvedLogs").field("file", &self.file).finish_non_exhaustive()
    }
}

impl ProvedLogs {
    /// Opens the state in `file`, which need not be there yet, with the secret in `secret_file`, which is made if it is
    /// not there.
    pub fn open(file: &Path, secret_file: &Path) -> Result<Self, IntegrityError> {
        let secret = read_or_make_secret(secret_file).map_err(|source| file_error("read", secret_file, source))?;
        let tags = read_tags(file).map_err(|source| file_error("read", file, source))?;
        let secret = hmac::Key::new(HMAC_SHA256, &secret);
        Ok(Self { file: file.to_owned(), secret, tags: Mutex::new(tags) })
    }

    /// Writes the state to its file, whole or not at all.
    pub fn save(&self) -> Result<(), IntegrityError> {
        let mut tags: Vec<Tag> = self.tags.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        tags.sort_unstable();
        let temporary = self.file.with_added_extension("new");
        let write = || {
            let mut file = File::create(&temporary)?;
            file.write_all(MAGIC)?;
            file.write_all(tags.as_flattened())?;
            file.sync_all()?;
            fs::rename(&temporary, &self.file)
        };
        write().map_err(|source| file_error("write", &self.file, source))
    }

    pub(crate) fn holds(&self, location: &str, hash: &str, identity: &str) -> bool {
        let tag = self.tag(location, hash, identity);
        self.tags.lock().unwrap_or_else(PoisonError::into_inner).contains(&tag)
    }

    pub(crate) fn add(&self, location: &str, hash: &str, identity: &str) {
        let tag = self.tag(location, hash, identity);
        self.tags.lock().unwrap_or_else(PoisonError::into_inner).insert(tag);
    }

    fn tag(&self, location: &str, hash: &str, identity: &str) -> Tag {
        let mut context = hmac::Context::with_key(&self.secret);
        for part in [location, hash, identity] {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        let mut tag = Tag::default();
        tag.copy_from_slice(&context.sign().as_ref()[..TAG_BYTES]);
        tag
    }
}

fn read_tags(file: &Path) -> io::Result<HashSet<Tag>> {
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(error),
    };
    let tags = bytes.strip_prefix(MAGIC).ok_or_else(|| io::Error::other("it is no state file of trailql"))?;
    Ok(tags.as_chunks().0.iter().copied().collect())
}

fn read_or_make_secret(file: &Path) -> io::Result<[u8; SECRET_BYTES]> {
    let mut secret = [0; SECRET_BYTES];
    match File::open(file) {
        Ok(mut file) => file.read_exact(&mut secret).map(|()| secret),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            SystemRandom::new().fill(&mut secret).map_err(|_| io::Error::other("no random numbers to be had"))?;
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut options = File::options();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(file)?.write_all(&secret)?;
            Ok(secret)
        }
        Err(error) => Err(error),
    }
}

fn file_error(action: &'static str, file: &Path, source: io::Error) -> IntegrityError {
    IntegrityError::File { action, file: file.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn believes_its_own_entries_and_no_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, secret) = (folder.path().join("state"), folder.path().join("keys/secret"));
        let state = ProvedLogs::open(&file, &secret).expect("new");
        state.add("s3://b/k", "00", "1 2 3");
        state.save().expect("saved");
        let state = ProvedLogs::open(&file, &secret).expect("there");
        assert!(state.holds("s3://b/k", "00", "1 2 3"));
        for (location, hash, identity) in [
            ("s3://b/l", "00", "1 2 3"),
            ("s3://b/k", "01", "1 2 3"),
            ("s3://b/k", "00", "1 2 4"),
            ("s3://b/k0", "0", "1 2 3"),
        ] {
            assert!(!state.holds(location, hash, identity), "{location} {hash} {identity}");
        }
        let elsewhere = ProvedLogs::open(&file, &folder.path().join("another")).expect("there");
        assert!(!elsewhere.holds("s3://b/k", "00", "1 2 3"), "entries made with another secret count for nothing");
    }
}
