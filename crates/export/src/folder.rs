//! Many files that appear together.
//!
//! On this machine they are written to a hidden folder. If the folder is new, that folder gets its name, in one step;
//! otherwise the files are moved into it one by one. In S3 the uploads of all files are made ready first, and completed
//! one by one then. In both cases [`SUCCESS_FILE`] is taken away before the first file of a folder changes and written
//! behind the last one: with it, the folder is whole.

use std::path::{Path, PathBuf};
use std::{fs, io};

use object_store::{ObjectStoreExt, PutPayload};
use tempfile::TempDir;
use tokio::task::{JoinError, JoinSet};
use trailql_store::{PageRequest, Stores};

use crate::compression::Compression;
use crate::error::ExportError;
use crate::output::Output;
use crate::place::Place;

/// The empty file that says that a folder is whole; readers of such folders pass over names with `_` in front.
pub const SUCCESS_FILE: &str = "_SUCCESS";

/// Uploads that are completed at once.
const COMPLETED_AT_ONCE: usize = 8;

/// What to do about a folder that holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refuse it.
    Refuse,
    /// Replace files of the same name, and leave others alone.
    Replace,
}

/// A folder being filled.
pub struct Folder {
    place: Place,
    stores: Stores,
    staging: Staging,
    has_marker: bool,
}

enum Staging {
    /// Files in a hidden folder, and whether that one becomes the folder itself.
    Local { hidden: TempDir, is_new: bool, names: Vec<String> },
    /// Objects that only have to be completed.
    Objects(Vec<Output>),
}

impl Folder {
    /// Begins to fill the folder at `place`; it gets a [`SUCCESS_FILE`].
    pub async fn create(stores: &Stores, place: &Place, existing: Existing) -> Result<Self, ExportError> {
        let staging = match place {
            Place::Local(path) => {
                let is_new = !path.exists();
                let is_free = is_new || is_empty(path).map_err(ExportError::io(place))?;
                if !is_free && existing == Existing::Refuse {
                    return Err(ExportError::NotEmpty { place: place.clone() });
                }
                let hidden = hidden_folder(path, is_new).map_err(ExportError::io(place))?;
                Staging::Local { hidden, is_new, names: Vec::new() }
            }
            Place::Object(location) => {
                let bucket = stores.bucket(&location.bucket).await?;
                let folder = location.key.trim_end_matches('/');
                let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
                let request = PageRequest { prefix: &prefix, ..PageRequest::default() };
                let page = bucket.list_page(request).await.map_err(ExportError::store(place))?;
                if !page.objects.is_empty() && existing == Existing::Refuse {
                    return Err(ExportError::NotEmpty { place: place.clone() });
                }
                Staging::Objects(Vec::new())
            }
        };
        Ok(Self { place: place.clone(), stores: stores.clone(), staging, has_marker: true })
    }

    /// The same without a [`SUCCESS_FILE`].
    #[must_use]
    pub fn without_marker(self) -> Self {
        Self { has_marker: false, ..self }
    }

    /// Begins a file with this name, which may have `/` in it; [`add`](Self::add) ends it.
    pub async fn begin(&mut self, name: &str, compression: Compression) -> Result<Output, ExportError> {
        match &mut self.staging {
            Staging::Local { hidden, names, .. } => {
                let path = hidden.path().join(name);
                create_parent(&path).map_err(ExportError::io(self.place.join(name)))?;
                // Two names that a volume takes for one (`A`, `a`): one file would replace the other.
                if path.exists() {
                    let error = io::Error::from(io::ErrorKind::AlreadyExists);
                    return Err(ExportError::io(self.place.join(name))(error));
                }
                names.push(name.to_owned());
                Output::create(&self.stores, &Place::Local(path), compression).await
            }
            Staging::Objects(_) => Output::create(&self.stores, &self.place.join(name), compression).await,
        }
    }

    /// Ends a file, which is not seen yet.
    pub async fn add(&mut self, mut output: Output) -> Result<(), ExportError> {
        match &mut self.staging {
            Staging::Local { .. } => output.finish().await.map(drop),
            Staging::Objects(outputs) => {
                output.prepare().await?;
                outputs.push(output);
                Ok(())
            }
        }
    }

    /// Puts all files in their places.
    pub async fn publish(self) -> Result<(), ExportError> {
        let Self { place, stores, staging, has_marker } = self;
        match staging {
            Staging::Local { hidden, is_new, names } => {
                let Place::Local(folder) = &place else { return Ok(()) };
                let moved = if is_new {
                    become_folder(hidden, folder, has_marker)
                } else {
                    move_into(hidden.path(), folder, &names, has_marker)
                };
                moved.map_err(ExportError::io(&place))
            }
            Staging::Objects(outputs) => complete(&stores, &place, outputs, has_marker).await,
        }
    }
}

fn is_empty(path: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(path)?.next().is_none())
}

/// A folder on the volume of `path`: in it, or beside it while it does not exist.
fn hidden_folder(path: &Path, is_new: bool) -> io::Result<TempDir> {
    let home = match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        _ if !is_new => path.to_owned(),
        Some(parent) => parent.to_owned(),
        None => PathBuf::from("."),
    };
    fs::create_dir_all(&home)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".trailql-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o777));
    }
    builder.tempdir_in(home)
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}

fn become_folder(hidden: TempDir, folder: &Path, has_marker: bool) -> io::Result<()> {
    if has_marker {
        fs::write(hidden.path().join(SUCCESS_FILE), b"")?;
    }
    fs::rename(hidden.path(), folder)?;
    // It has another name now, and nothing is left to delete.
    let _ = hidden.keep();
    Ok(())
}

fn move_into(hidden: &Path, folder: &Path, names: &[String], has_marker: bool) -> io::Result<()> {
    let marker = folder.join(SUCCESS_FILE);
    if has_marker && marker.exists() {
        fs::remove_file(&marker)?;
    }
    for name in names {
        let target = folder.join(name);
        create_parent(&target)?;
        fs::rename(hidden.join(name), target)?;
    }
    if has_marker { fs::write(marker, b"") } else { Ok(()) }
}

async fn complete(stores: &Stores, place: &Place, outputs: Vec<Output>, has_marker: bool) -> Result<(), ExportError> {
    let Place::Object(location) = place else { return Ok(()) };
    let bucket = stores.bucket(&location.bucket).await?;
    let marker = place.join(SUCCESS_FILE);
    let path = marker.object_path()?;
    if has_marker {
        match bucket.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(ExportError::store(&marker)(error)),
        }
    }
    let mut completing = JoinSet::new();
    for output in outputs {
        completing.spawn(output.finish());
        if completing.len() == COMPLETED_AT_ONCE {
            joined(completing.join_next().await)?;
        }
    }
    while !completing.is_empty() {
        joined(completing.join_next().await)?;
    }
    if has_marker {
        bucket.put(&path, PutPayload::new()).await.map_err(ExportError::store(&marker))?;
    }
    Ok(())
}

fn joined(ended: Option<Result<Result<u64, ExportError>, JoinError>>) -> Result<(), ExportError> {
    match ended {
        Some(Err(error)) => Err(ExportError::io("an object")(io::Error::other(error))),
        Some(Ok(Err(error))) => Err(error),
        Some(Ok(Ok(_))) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    async fn fill(place: &Place, existing: Existing, names: &[&str]) -> Result<Folder, ExportError> {
        let mut folder = Folder::create(&Stores::default(), place, existing).await?;
        for name in names {
            let mut output = folder.begin(name, Compression::None).await?;
            output.write(name.as_bytes()).await?;
            folder.add(output).await?;
        }
        Ok(folder)
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn files_appear_together() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("deep/out");
        let place = Place::Local(target.clone());
        drop(fill(&place, Existing::Refuse, &["a=1/x"]).await.unwrap());
        assert!(!target.exists() && names(&home.path().join("deep")).is_empty());
        fill(&place, Existing::Refuse, &["a=1/x", "a=2/x"]).await.unwrap().publish().await.unwrap();
        assert_eq!(names(&target), [SUCCESS_FILE, "a=1", "a=2"]);
        assert_eq!(fs::read(target.join("a=2/x")).unwrap(), b"a=2/x");
    }

    #[tokio::test]
    async fn what_is_there_is_refused_or_replaced() {
        let home = tempfile::tempdir().unwrap();
        let place = Place::Local(home.path().to_owned());
        fs::write(home.path().join("x"), b"old").unwrap();
        fs::write(home.path().join("y"), b"old").unwrap();
        assert!(matches!(fill(&place, Existing::Refuse, &[]).await, Err(ExportError::NotEmpty { .. })));
        fill(&place, Existing::Replace, &["x"]).await.unwrap().publish().await.unwrap();
        assert_eq!(
            (fs::read(home.path().join("x")).unwrap(), fs::read(home.path().join("y")).unwrap()),
            (b"x".to_vec(), b"old".to_vec())
        );
        assert_eq!(names(home.path()), [SUCCESS_FILE, "x", "y"]);
    }
}
