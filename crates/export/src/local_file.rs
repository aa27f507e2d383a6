//! A file on this machine: there whole, or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file being written beside its final place.
pub enum LocalFile {
    /// Renamed to `target` at the end.
    Replace {
        /// The file as it is written.
        temporary: NamedTempFile,
        /// Its place.
        target: PathBuf,
    },
    /// A device or pipe, which cannot be replaced.
    InPlace(File),
}

impl LocalFile {
    /// Begins a file that is to be `path`.
    pub fn create(path: &Path) -> io::Result<Self> {
        // Through links, so that the link stays and its target is replaced.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(Self::InPlace(File::options().write(true).open(&target)?));
        }
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.exists() {
            let message = format!("there is no folder {}; make it first", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".trailql-");
        #[cfg(unix)]
        {
            // As any new file's; the process's mask applies. A temporary file's own would keep it from others.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        Ok(Self::Replace { temporary: builder.tempfile_in(folder)?, target })
    }

    /// Puts the file in its place.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Self::InPlace(mut file) => file.flush(),
            Self::Replace { temporary, target } => {
                temporary.as_file().sync_all()?;
                temporary.persist(&target).map(drop).map_err(|error| error.error)
            }
        }
    }
}

impl Write for LocalFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Replace { temporary, .. } => temporary.write(bytes),
            Self::InPlace(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Replace { temporary, .. } => temporary.flush(),
            Self::InPlace(file) => file.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn is_there_only_when_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.csv");
        let mut file = LocalFile::create(&path).unwrap();
        file.write_all(b"a").unwrap();
        assert!(!path.exists());
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut file = LocalFile::create(&path).unwrap();
        file.write_all(b"b").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"b");
    }

    #[test]
    fn writes_to_devices() {
        let mut file = LocalFile::create(Path::new("/dev/null")).unwrap();
        file.write_all(b"a").unwrap();
        file.finish().unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
