//! Log files on this machine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::listing::{Listing, LogFile, SourceError, is_log_name};

/// Adds the log files at one source: a file, a folder (searched whole) or a pattern.
pub(crate) fn list_local(source: &str, listing: &mut Listing) -> Result<(), SourceError> {
    let path = Path::new(source);
    if path.exists() {
        add(path, listing);
    } else if let Some((scheme, _)) = source.split_once("://") {
        return Err(SourceError::Scheme { url: source.to_owned(), scheme: scheme.to_owned() });
    } else if source.contains(['*', '?', '[']) {
        add_pattern(source, listing)?;
    } else {
        return Err(SourceError::Missing { path: source.to_owned() });
    }
    Ok(())
}

fn add(path: &Path, listing: &mut Listing) {
    match path.canonicalize() {
        Ok(path) if path.is_dir() => add_folder(&path, listing),
        Ok(path) => add_file(path, listing),
        Err(error) => listing.unreadable.push((path.display().to_string(), error)),
    }
}

fn add_pattern(pattern: &str, listing: &mut Listing) -> Result<(), SourceError> {
    let paths = glob::glob(pattern).map_err(|error| SourceError::pattern(pattern, &error))?;
    for path in paths {
        match path {
            Ok(path) => add(&path, listing),
            Err(error) => listing.unreadable.push((error.path().display().to_string(), error.into())),
        }
    }
    Ok(())
}

fn add_folder(folder: &Path, listing: &mut Listing) {
    let shown = |name: &OsStr| !name.as_encoded_bytes().starts_with(b".");
    let walk = WalkDir::new(folder).follow_links(true);
    for entry in walk.into_iter().filter_entry(|entry| entry.depth() == 0 || shown(entry.file_name())) {
        match entry {
            Ok(entry) if !entry.file_type().is_file() => {}
            Ok(entry) if is_log_name(entry.path()) => add_file(entry.into_path(), listing),
            Ok(entry) => listing.ignored.push(entry.path().display().to_string()),
            Err(error) => {
                let path = error.path().unwrap_or(folder).display().to_string();
                let error = error.into_io_error().unwrap_or_else(|| std::io::Error::other("a loop of links"));
                listing.unreadable.push((path, error));
            }
        }
    }
}

fn add_file(path: PathBuf, listing: &mut Listing) {
    match path.metadata() {
        Ok(metadata) => listing.files.push(LogFile::local(path, &metadata)),
        Err(error) => listing.unreadable.push((path.display().to_string(), error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_changed_file_has_another_identity() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        let identity = |content: &str| {
            fs::write(&path, content).expect("written");
            LogFile::local(path.clone(), &path.metadata().expect("there")).identity
        };
        assert_ne!(identity("{}"), identity("{ }"));
    }
}
