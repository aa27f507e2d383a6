//! One file of the index.
//!
//! ```text
//! magic       8 bytes  "TQLBLM2\n"
//! for each column with bloom filters, in their order:
//!   directory   JSON: for each data file its path and, by row group, the lengths of its filters; the same each time
//!   filters     file by file, row group by row group
//! ```
//!
//! The lengths of the parts stand in the manifest: one read brings all that a search in a column needs.

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

const MAGIC: &[u8; 8] = b"TQLBLM2\n";

const SUFFIX: &str = ".blooms";

/// Name and sizes of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    name: String,
    /// Bytes of the directory.
    directory_bytes: u64,
    /// Bytes of the filters of each column.
    filter_bytes: [u64; BLOOM_COLUMNS.len()],
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
        let directory = directory_of(files);
        let filter_bytes =
            std::array::from_fn(|column| filters_of(files, column).map(|filter| filter.len() as u64).sum());
        let segment = Self { name: Uuid::new_v4().to_string(), directory_bytes: directory.len() as u64, filter_bytes };
        let path = segment.path();
        store
            .put(&path, segment.encode(&directory, files).into())
            .await
            .map_err(|error| LakeError::store("writing", &path, error))?;
        Ok(segment)
    }

    fn encode(&self, directory: &[u8], files: &[FileFilters]) -> Bytes {
        let mut bytes = BytesMut::with_capacity(self.size_bytes() as usize);
        bytes.extend_from_slice(MAGIC);
        for column in 0..BLOOM_COLUMNS.len() {
            bytes.extend_from_slice(directory);
            filters_of(files, column).for_each(|filter| bytes.extend_from_slice(filter));
        }
        bytes.freeze()
    }

    /// Bytes of the whole file.
    pub(super) fn size_bytes(&self) -> u64 {
        self.column(BLOOM_COLUMNS.len() - 1).end
    }

    /// Bytes to read for a search in some columns.
    pub(super) fn search_bytes(&self, columns: &[usize]) -> u64 {
        columns.iter().map(|column| self.directory_bytes + self.filter_bytes[*column]).sum()
    }

    /// Where directory and filters of a column are.
    fn column(&self, column: usize) -> Range<u64> {
        let length = |column: usize| self.directory_bytes + self.filter_bytes[column];
        let start = MAGIC.len() as u64 + (0..column).map(length).sum::<u64>();
        start..start + length(column)
    }

    /// The data files that it is about.
    pub(super) async fn file_paths(&self, store: &dyn ObjectStore) -> Result<Vec<Path>, LakeError> {
        let path = self.path();
        let head = 0..MAGIC.len() as u64 + self.directory_bytes;
        let head = store.get_range(&path, head).await.map_err(|e| LakeError::segment(&path, e))?;
        let directory = head.strip_prefix(MAGIC.as_slice()).ok_or_else(|| self.damaged("it is no index file"))?;
        Ok(self.parse(directory)?.iter().map(FileEntry::path).collect())
    }

    /// The filters of some columns, of one at the least.
    pub(super) async fn read_columns(
        &self,
        store: &dyn ObjectStore,
        columns: &[usize],
    ) -> Result<Vec<FileBlooms>, LakeError> {
        let ranges: Vec<Range<u64>> = columns.iter().map(|column| self.column(*column)).collect();
        let mut parts =
            store.get_ranges(&self.path(), &ranges).await.map_err(|e| LakeError::segment(&self.path(), e))?;
        let mut directory = Vec::new();
        for part in &mut parts {
            if (part.len() as u64) < self.directory_bytes {
                return Err(self.damaged("it is cut short"));
            }
            directory = self.parse(&part.split_to(self.directory_bytes as usize))?;
        }
        let mut files: Vec<FileBlooms> = directory
            .iter()
            .map(|entry| FileBlooms {
                path: entry.path(),
                row_groups: vec![Vec::with_capacity(columns.len()); entry.row_groups.len()],
            })
            .collect();
        for (column, mut part) in columns.iter().zip(parts) {
            for (file, entry) in files.iter_mut().zip(&directory) {
                for (filters, lengths) in file.row_groups.iter_mut().zip(&entry.row_groups) {
                    filters.push(self.take(&mut part, lengths[*column])?);
                }
            }
            if !part.is_empty() {
                return Err(self.damaged("its directory is damaged"));
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

    fn parse(&self, directory: &[u8]) -> Result<Vec<FileEntry>, LakeError> {
        serde_json::from_slice(directory).map_err(|error| LakeError::ledger(&self.path(), error))
    }

    fn damaged(&self, how: &str) -> LakeError {
        LakeError::ledger(&self.path(), how)
    }

    fn take(&self, part: &mut Bytes, length: u32) -> Result<Option<Bytes>, LakeError> {
        let length = length as usize;
        if length > part.len() {
            return Err(self.damaged("it is cut short"));
        }
        let filter = part.split_to(length);
        Ok((length > 0).then_some(filter))
    }
}

fn directory_of(files: &[FileFilters]) -> Vec<u8> {
    let length = |filter: &Option<Bytes>| filter.as_ref().map_or(0, |filter| filter.len() as u32);
    let entries: Vec<FileEntry> = files
        .iter()
        .map(|file| FileEntry {
            path: file.path.to_string(),
            row_groups: file.row_groups.iter().map(|filters| filters.each_ref().map(length)).collect(),
        })
        .collect();
    serde_json::to_vec(&entries).expect("a list of strings and numbers is JSON")
}

/// The filters of one column, in the order of the directory.
fn filters_of(files: &[FileFilters], column: usize) -> impl Iterator<Item = &Bytes> {
    files.iter().flat_map(|file| &file.row_groups).filter_map(move |filters| filters[column].as_ref())
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
        let mut filter_bytes = [0; BLOOM_COLUMNS.len()];
        filter_bytes[0] = size_bytes - MAGIC.len() as u64;
        Segment { name: Uuid::new_v4().to_string(), directory_bytes: 0, filter_bytes }
    }

    #[test]
    fn knows_the_names_that_it_makes() {
        assert!(is_segment_path(&sized(8).path()));
        for other in ["_index/x.blooms", "_index/notes.txt", "_ledger/4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.blooms"] {
            assert!(!is_segment_path(&Path::from(other)), "{other}");
        }
    }
}
