//! Exported evidence: everything that a later proof without AWS needs, in a folder.
//!
//! ```text
//! FOLDER/
//!   manifest.json                 what was asked for, when, of which buckets
//!   public-keys.json              as `aws cloudtrail list-public-keys` prints them
//!   SHA256SUMS                    of every file, for `sha256sum --check`
//!   <bucket>/<key>                digests and log files, byte for byte
//!   <bucket>/<key>.metadata.json  signatures, beside the digests
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::error::IntegrityError;
use crate::gunzip::sha256;
use crate::keys::{PublicKey, write_keys};

const MANIFEST: &str = "manifest.json";

/// Keys of exported evidence.
pub const PUBLIC_KEYS: &str = "public-keys.json";

const SUMS: &str = "SHA256SUMS";

const VERSION: u32 = 1;

/// What exported evidence says about itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    trailql_evidence: u32,
    /// Where it was taken from.
    pub source: String,
    /// When.
    pub exported: DateTime<Utc>,
    /// Begin of the time that it covers; from the first digest on if null.
    pub since: Option<DateTime<Utc>>,
    /// End of that time.
    pub until: DateTime<Utc>,
}

impl Manifest {
    /// A manifest of what is taken from `source` now.
    pub(crate) fn new(source: &str, since: Option<DateTime<Utc>>, until: DateTime<Utc>) -> Self {
        Self { trailql_evidence: VERSION, source: source.to_owned(), exported: Utc::now(), since, until }
    }

    /// Reads the manifest in a folder, if there is one.
    pub(crate) fn read(folder: &Path) -> Result<Option<Self>, IntegrityError> {
        let path = folder.join(MANIFEST);
        let file = path.display().to_string();
        let json = match fs::read(&path) {
            Ok(json) => json,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(IntegrityError::File { action: "read", file, source }),
        };
        match serde_json::from_slice::<Self>(&json) {
            Ok(manifest) if manifest.trailql_evidence == VERSION => Ok(Some(manifest)),
            Ok(manifest) => {
                let reason = format!("it is of version {}, not {VERSION}", manifest.trailql_evidence);
                Err(IntegrityError::Manifest { file, reason })
            }
            Err(error) => Err(IntegrityError::Manifest { file, reason: error.to_string() }),
        }
    }
}

/// Writes evidence while it is being checked.
#[derive(Debug)]
pub(crate) struct Exporter {
    folder: PathBuf,
    sums: Mutex<BTreeMap<String, String>>,
}

impl Exporter {
    /// Begins an export to a folder, which must be empty or not there.
    pub(crate) fn create(folder: &Path) -> Result<Self, IntegrityError> {
        let exporter = Self { folder: folder.to_owned(), sums: Mutex::default() };
        fs::create_dir_all(folder).map_err(|source| exporter.error(folder, source))?;
        let mut entries = fs::read_dir(folder).map_err(|source| exporter.error(folder, source))?;
        if entries.next().is_some() {
            return Err(exporter.error(folder, io::Error::other("it is not empty; evidence is not mixed")));
        }
        Ok(exporter)
    }

    /// Keeps an object.
    pub(crate) fn save(&self, bucket: &str, key: &str, bytes: &[u8]) -> Result<(), IntegrityError> {
        self.write(&format!("{bucket}/{key}"), bytes)
    }

    /// Where an object goes that is too large to be held; to be told of by [`saved`](Self::saved) afterwards.
    pub(crate) fn large(&self, bucket: &str, key: &str) -> Result<LargeObject, IntegrityError> {
        let name = format!("{bucket}/{key}");
        let path = self.folder.join(&name);
        let open = || {
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::File::create(&path)
        };
        let file = open().map_err(|source| self.error(&path, source))?;
        Ok(LargeObject { name, file, hash: Context::new(&SHA256) })
    }

    /// Notes a large object that has been written.
    pub(crate) fn saved(&self, object: LargeObject) {
        self.note(object.name, hex::encode(object.hash.finish().as_ref()));
    }

    /// Ends the export with the keys, the manifest and the sums.
    pub(crate) fn finish(&self, manifest: &Manifest, keys: &[PublicKey]) -> Result<(), IntegrityError> {
        self.write(PUBLIC_KEYS, write_keys(keys).as_bytes())?;
        let json =
            serde_json::to_vec_pretty(manifest).map_err(|error| self.error(Path::new(MANIFEST), error.into()))?;
        self.write(MANIFEST, &json)?;
        let sums = std::mem::take(&mut *self.sums.lock().unwrap_or_else(PoisonError::into_inner));
        let lines: String = sums.iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
        let path = self.folder.join(SUMS);
        fs::write(&path, lines).map_err(|source| self.error(&path, source))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), IntegrityError> {
        let path = self.folder.join(name);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(&path, bytes)
        };
        write().map_err(|source| self.error(&path, source))?;
        self.note(name.to_owned(), hex::encode(sha256(bytes)));
        Ok(())
    }

    fn note(&self, name: String, sum: String) {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).insert(name, sum);
    }

    fn error(&self, path: &Path, source: io::Error) -> IntegrityError {
        IntegrityError::File { action: "write", file: path.display().to_string(), source }
    }
}

/// An object on its way to the disk.
pub(crate) struct LargeObject {
    name: String,
    file: fs::File,
    hash: Context,
}

impl io::Write for LargeObject {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
