//! A path, or an object or prefix in S3.

use std::fmt;
use std::path::PathBuf;

use object_store::path::Path as ObjectPath;
use trailql_store::S3Location;

use crate::error::ExportError;

/// Where a file or a folder of results is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On this machine.
    Local(PathBuf),
    /// In a bucket.
    Object(S3Location),
}

impl Place {
    /// Reads a path or `s3://bucket/key`.
    pub fn parse(text: &str) -> Result<Self, ExportError> {
        if let Some(location) = S3Location::parse(text) {
            let place = Self::Object(location?);
            place.object_path()?;
            return Ok(place);
        }
        match text.split_once("://") {
            Some((scheme, _)) => Err(ExportError::Scheme { text: text.to_owned(), scheme: scheme.to_owned() }),
            None => Ok(Self::Local(PathBuf::from(text))),
        }
    }

    /// Says whether it is a folder: it ends like one, or is one.
    pub fn is_folder(&self) -> bool {
        match self {
            Self::Local(path) => path.is_dir() || path.to_string_lossy().ends_with('/'),
            Self::Object(location) => location.key.is_empty() || location.key.ends_with('/'),
        }
    }

    /// Returns the place of `name`, which may have `/` in it, below this folder.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        match self {
            Self::Local(path) => Self::Local(path.join(name)),
            Self::Object(S3Location { bucket, key }) => {
                let folder = key.trim_end_matches('/');
                let key = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                Self::Object(S3Location { bucket: bucket.clone(), key })
            }
        }
    }

    /// Returns the place of `name` in the folder that this file is in.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        match self {
            Self::Local(path) => Self::Local(path.with_file_name(name)),
            Self::Object(S3Location { bucket, key }) => {
                let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
                Self::Object(S3Location { bucket: bucket.clone(), key: folder.to_owned() }).join(name)
            }
        }
    }

    /// Returns the last part of the name, such as `out.csv.gz`; empty for the top of a bucket.
    pub fn file_name(&self) -> String {
        match self {
            Self::Local(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            Self::Object(S3Location { key, .. }) => {
                key.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
            }
        }
    }

    /// The key as `object_store` takes it; empty for local places.
    pub(crate) fn object_path(&self) -> Result<ObjectPath, ExportError> {
        let Self::Object(location) = self else { return Ok(ObjectPath::default()) };
        let failed =
            |error: object_store::path::Error| ExportError::Key { text: self.to_string(), reason: error.to_string() };
        ObjectPath::parse(&location.key).map_err(failed)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Object(location) => write!(f, "{location}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn reads_paths_and_objects() {
        assert_eq!(Place::parse("a/b.csv").unwrap(), Place::Local("a/b.csv".into()));
        let place = Place::parse("s3://bucket/a/b.csv").unwrap();
        assert_eq!((place.file_name().as_str(), place.is_folder()), ("b.csv", false));
        assert_eq!(place.beside("c").to_string(), "s3://bucket/a/c");
        assert_eq!(Place::parse("s3://bucket/b").unwrap().beside("c").to_string(), "s3://bucket/c");
        for (folder, file) in [("s3://bucket", "s3://bucket/x"), ("s3://bucket/a/", "s3://bucket/a/x")] {
            let folder = Place::parse(folder).unwrap();
            assert!(folder.is_folder());
            assert_eq!(folder.join("x").to_string(), file);
        }
    }

    #[test]
    fn refuses_other_places() {
        assert!(matches!(Place::parse("gs://b/x"), Err(ExportError::Scheme { .. })));
        assert!(matches!(Place::parse("s3://b"), Err(ExportError::Bucket(_))));
        assert!(matches!(Place::parse("s3://bucket/a//b"), Err(ExportError::Key { .. })));
    }
}
