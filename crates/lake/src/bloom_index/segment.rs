//! One file of the index.
//!
//! ```text
//! magic       8 bytes  "TQLBLM1\n"
//! directory   JSON: for each data file its path and, by row group, the lengths of its filters
//! filters     column by column; in a column file by file, row group by row group
//! ```
//!
//! Column by column, so that a search in one column reads one range. The length of the directory stands in the manifest:
//! two reads bring all that a search needs.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::INDEX_FOLDER;
use crate::commit::NewFile;
use crate::error::LakeError;
use crate::file_format::{BLOOM_COLUMNS, RowGroupBlooms};

const MAGIC: &[u8; 8] = b"TQLBLM1\n";

const SUFFIX: &str = ".blooms";

/// Name and sizes of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    name: String,
    /// Bytes of the whole file.
    pub(super) size_bytes: u64,
    /// Bytes of magic and directory.
    head_bytes: u64,
}

/// A data file of the directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FileEntry {
    path: String,
    /// By row group, in the order of [`BLOOM_COLUMNS`]; 0 where there is no filter.
    row_groups: Vec<[u32; BLOOM_COLUMNS.len()]>,
}

impl FileEntry {
    fn path(&self) -> Path {
        Path::parse(&self.path).unwrap_or_else(|_| Path::from(self.path.as_str()))
    }
}

/// The filters of one data file in some columns.
#[derive(Debug, Clone)]
pub struct FileBlooms {
    /// The data file, relative to the lake.
    pub path: Path,
    /// By row group, in the order in which the columns were asked for; `None` without a filter.
    pub row_groups: Vec<Vec<Option<Bytes>>>,
}

/// All filters of one data file.
#[derive(Debug, Clone)]
pub(super) struct FileFilters {
    pub(super) path: Path,
    row_groups: Vec<RowGroupBlooms>,
}

impl FileFilters {
    /// `None` for a file without filters.
    pub(super) fn of(file: &NewFile) -> Option<Self> {
        let row_groups = file.blooms.clone();
        (!row_groups.is_empty()).then(|| Self { path: file.path.clone(), row_groups })
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.row_groups.iter().flatten().flatten().map(|filter| filter.len() as u64).sum()
    }
}

impl Segment {
    pub(super) fn path(&self) -> Path {
        Path::from_iter([INDEX_FOLDER, &format!("{}{SUFFIX}", self.name)])
    }

    /// Writes a new segment.
    pub(super) async fn write(store: &dyn ObjectStore, files: &[FileFilters]) -> Result<Self, LakeError> {
        let (bytes, head_bytes) = encode(files);
        let segment = Self { name: Uuid::new_v4().to_string(), size_bytes: bytes.len() as u64, head_bytes };
        let path = segment.path();
        store.put(&path, bytes.into()).await.map_err(|error| LakeError::store("writing", &path, error))?;
        Ok(segment)
    }

    /// The data files that it is about.
    pub(super) async fn file_paths(&self, store: &dyn ObjectStore) -> Result<Vec<Path>, LakeError> {
        let directory = self.directory(store).await?;
        Ok(directory.iter().map(FileEntry::path).collect())
    }

    /// The filters of some columns.
    pub(super) async fn read_columns(
        &self,
        store: &dyn ObjectStore,
        columns: &[usize],
    ) -> Result<Vec<FileBlooms>, LakeError> {
        let directory = self.directory(store).await?;
        let ranges = column_ranges(&directory, self.head_bytes);
        self.check_length(ranges.last().map_or(self.head_bytes, |range| range.end))?;
        // Stores refuse to read nothing, as of a column that no file has a filter for.
        let wanted = columns.iter().map(|column| ranges[*column].clone());
        let wanted: Vec<Range<u64>> = wanted.filter(|range| !range.is_empty()).collect();
        let parts = store.get_ranges(&self.path(), &wanted).await.map_err(|e| LakeError::segment(&self.path(), e))?;
        let mut parts = parts.into_iter();
        let mut files: Vec<FileBlooms> = directory
            .iter()
            .map(|entry| FileBlooms {
                path: entry.path(),
                row_groups: vec![Vec::with_capacity(columns.len()); entry.row_groups.len()],
            })
            .collect();
        for column in columns {
            let mut part = if ranges[*column].is_empty() { Bytes::new() } else { parts.next().unwrap_or_default() };
            for (file, entry) in files.iter_mut().zip(&directory) {
                for (filters, lengths) in file.row_groups.iter_mut().zip(&entry.row_groups) {
                    filters.push(self.take(&mut part, lengths[*column])?);
                }
            }
        }
        Ok(files)
    }

    /// All filters.
    pub(super) async fn read_all(&self, store: &dyn ObjectStore) -> Result<Vec<FileFilters>, LakeError> {
        let columns: Vec<usize> = (0..BLOOM_COLUMNS.len()).collect();
        let files = self.read_columns(store, &columns).await?;
        let filters = |filters: Vec<Option<Bytes>>| filters.try_into().expect("one for each column was asked for");
        let whole = |file: FileBlooms| FileFilters {
            path: file.path,
            row_groups: file.row_groups.into_iter().map(filters).collect(),
        };
        Ok(files.into_iter().map(whole).collect())
    }

    async fn directory(&self, store: &dyn ObjectStore) -> Result<Vec<FileEntry>, LakeError> {
        let path = self.path();
        let head = store.get_range(&path, 0..self.head_bytes).await.map_err(|e| LakeError::segment(&path, e))?;
        let directory = head.strip_prefix(MAGIC.as_slice()).map(serde_json::from_slice);
        match directory {
            Some(Ok(directory)) => Ok(directory),
            Some(Err(error)) => Err(LakeError::ledger(&path, error)),
            None => Err(LakeError::ledger(&path, "it is no index file")),
        }
    }

    fn check_length(&self, end: u64) -> Result<(), LakeError> {
        if end == self.size_bytes { Ok(()) } else { Err(LakeError::ledger(&self.path(), "its directory is damaged")) }
    }

    fn take(&self, part: &mut Bytes, length: u32) -> Result<Option<Bytes>, LakeError> {
        let length = length as usize;
        if length > part.len() {
            return Err(LakeError::ledger(&self.path(), "it is cut short"));
        }
        let filter = part.split_to(length);
        Ok((length > 0).then_some(filter))
    }
}

/// The bytes of a segment, and how many of them are magic and directory.
fn encode(files: &[FileFilters]) -> (Bytes, u64) {
    let length = |filter: &Option<Bytes>| filter.as_ref().map_or(0, |filter| filter.len() as u32);
    let entries: Vec<FileEntry> = files
        .iter()
        .map(|file| FileEntry {
            path: file.path.to_string(),
            row_groups: file.row_groups.iter().map(|filters| filters.each_ref().map(length)).collect(),
        })
        .collect();
    let directory = serde_json::to_vec(&entries).expect("a list of strings and numbers is JSON");
    let filter_bytes: u64 = files.iter().map(FileFilters::size_bytes).sum();
    let mut bytes = BytesMut::with_capacity(MAGIC.len() + directory.len() + filter_bytes as usize);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&directory);
    let head_bytes = bytes.len() as u64;
    for column in 0..BLOOM_COLUMNS.len() {
        let groups = files.iter().flat_map(|file| &file.row_groups);
        groups.filter_map(|filters| filters[column].as_ref()).for_each(|filter| bytes.extend_from_slice(filter));
    }
    (bytes.freeze(), head_bytes)
}

/// Where the filters of each column are.
fn column_ranges(directory: &[FileEntry], head_bytes: u64) -> [Range<u64>; BLOOM_COLUMNS.len()] {
    let mut end = head_bytes;
    std::array::from_fn(|column| {
        let start = end;
        let groups = directory.iter().flat_map(|entry| &entry.row_groups);
        end += groups.map(|lengths| u64::from(lengths[column])).sum::<u64>();
        start..end
    })
}

/// Whether [`Segment::path`] may have made this name.
pub(super) fn is_segment_path(path: &Path) -> bool {
    let file = path.as_ref().strip_prefix(INDEX_FOLDER).and_then(|rest| rest.strip_prefix('/'));
    file.and_then(|file| file.strip_suffix(SUFFIX)).is_some_and(|name| Uuid::parse_str(name).is_ok())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn sized(size_bytes: u64) -> Segment {
        Segment { name: Uuid::new_v4().to_string(), size_bytes, head_bytes: 0 }
    }

    #[test]
    fn knows_the_names_that_it_makes() {
        assert!(is_segment_path(&sized(1).path()));
        for other in ["_index/x.blooms", "_index/notes.txt", "_ledger/4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.blooms"] {
            assert!(!is_segment_path(&Path::from(other)), "{other}");
        }
    }
}
