//! The bloom filters of many data files side by side: which files can hold a value, without opening any of them.
//!
//! A commit that adds data files adds one *segment* with copies of their filters; the Delta log names the segments (domain
//! metadata `trailql.index`). Small ones are merged, as those of the ledger are. The index only saves reads: a data file
//! that it does not know, and a segment that is gone, rule nothing out.

mod segment;

use std::collections::HashSet;
use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};

use crate::commit::NewFile;
use crate::error::LakeError;

pub use self::segment::FileBlooms;
use self::segment::{FileFilters, Segment};

/// Domain of the Delta log's metadata that names the segments.
pub(crate) const INDEX_DOMAIN: &str = "trailql.index";

/// Folder of the segments.
pub const INDEX_FOLDER: &str = "_index";

/// Sizes in bytes below which segments are merged with their like. So each filter is copied three times at the most, and
/// what is left are segments of some 32 MiB, the filters of three million events.
const TIERS: [u64; 3] = [512 << 10, 4 << 20, 32 << 20];

/// A merge starts when this many segments of a tier have come together.
const MERGE_AT_SEGMENTS: usize = 8;

/// Bytes merged at once, which are in memory twice.
const MERGE_BYTES: u64 = 48 << 20;

/// Reads in flight when segments are looked through.
const READS_IN_FLIGHT: usize = 8;

/// The index of one version of the lake.
#[derive(Debug, Clone)]
pub struct BloomIndex {
    segments: Vec<Segment>,
    store: Arc<dyn ObjectStore>,
}

/// What a commit does to the index.
#[derive(Debug)]
pub(crate) struct IndexChange {
    /// The index of the next version.
    pub(crate) next: BloomIndex,
    /// The segment written for it.
    added: Option<Segment>,
    /// Segments that are not needed once it is committed.
    replaced: Vec<Segment>,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    segments: Vec<Segment>,
}

impl BloomIndex {
    /// Reads the manifest that the Delta log holds; none means an empty index.
    pub(crate) fn parse(manifest: Option<&str>, store: Arc<dyn ObjectStore>) -> Self {
        let segments = manifest.map(serde_json::from_str::<Manifest>).and_then(|parsed| match parsed {
            Ok(manifest) => Some(manifest.segments),
            Err(error) => {
                tracing::warn!(%error, "the index is not used: its entry in the Delta log is damaged");
                None
            }
        });
        Self { segments: segments.unwrap_or_default(), store }
    }

    /// The manifest as the Delta log keeps it.
    pub(crate) fn manifest(&self) -> String {
        let manifest = Manifest { segments: self.segments.clone() };
        serde_json::to_string(&manifest).expect("a list of strings and numbers is JSON")
    }

    /// The files that the index consists of, relative to the lake.
    pub fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        self.segments.iter().map(Segment::path)
    }

    /// Number of segments; each takes one read for each column that is searched.
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// How many bytes [`BloomIndex::read`] reads.
    pub fn search_bytes(&self, columns: &[usize]) -> u64 {
        self.segments.iter().map(|segment| segment.search_bytes(columns)).sum()
    }

    /// Reads the filters of some columns, given by their places in [`BLOOM_COLUMNS`](crate::file_format::BLOOM_COLUMNS), a segment at a time from `store`.
    ///
    /// `store` is rooted at the lake; it is the caller's, so that reads are counted where the others are. A segment that
    /// cannot be read is left out with a warning, and so are its files.
    pub fn read(
        &self,
        store: Arc<dyn ObjectStore>,
        columns: Vec<usize>,
    ) -> impl Stream<Item = Vec<FileBlooms>> + use<> {
        let columns: Arc<[usize]> = columns.into();
        stream::iter(self.segments.clone())
            .map(move |segment| {
                let (store, columns) = (Arc::clone(&store), Arc::clone(&columns));
                async move { segment.read_columns(store.as_ref(), &columns).await }
            })
            .buffer_unordered(READS_IN_FLIGHT)
            .filter_map(|read| async move {
                match read {
                    Ok(files) => Some(files),
                    Err(LakeError::LedgerMoved { path }) => {
                        tracing::debug!(%path, "index segment is gone");
                        None
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a part of the index cannot be read; the query opens more files");
                        None
                    }
                }
            })
    }

    /// Writes the filters of `added` as a new segment, merged with others where there are many; `None` without a change.
    ///
    /// `live` are the data files of the next version; `is_rewrite` says that others have left the lake.
    pub(crate) async fn append(
        &self,
        added: &[NewFile],
        live: &HashSet<Path>,
        is_rewrite: bool,
    ) -> Result<Option<IndexChange>, LakeError> {
        let mut filters: Vec<FileFilters> = added.iter().filter_map(FileFilters::of).collect();
        let new_bytes = filters.iter().map(FileFilters::size_bytes).sum();
        let stale = if is_rewrite { self.stale(live).await } else { Vec::new() };
        let (left, mut replaced): (Vec<Segment>, Vec<Segment>) =
            self.segments.iter().cloned().partition(|segment| !stale.contains(segment));
        let merged = to_merge(&left, new_bytes);
        replaced.extend(merged);
        if filters.is_empty() && replaced.is_empty() {
            return Ok(None);
        }
        let store = self.store.as_ref();
        let mut parts = stream::iter(replaced.clone())
            .map(|old| async move { old.read_all(store).await })
            .buffered(READS_IN_FLIGHT);
        while let Some(part) = parts.next().await {
            match part {
                Ok(part) => filters.extend(part.into_iter().filter(|file| live.contains(&file.path))),
                // What is lost only saved reads.
                Err(error) => tracing::warn!(%error, "a part of the index cannot be read and is dropped"),
            }
        }
        let added = if filters.is_empty() { None } else { Some(Segment::write(store, &filters).await?) };
        let mut segments: Vec<Segment> =
            self.segments.iter().filter(|segment| !replaced.contains(segment)).cloned().collect();
        segments.extend(added.clone());
        let next = Self { segments, store: Arc::clone(&self.store) };
        Ok(Some(IndexChange { next, added, replaced }))
    }

    /// Segments of which at least half is about files that have left the lake.
    async fn stale(&self, live: &HashSet<Path>) -> Vec<Segment> {
        let store = self.store.as_ref();
        let judged = stream::iter(self.segments.clone()).map(|segment| async move {
            // One that cannot be read is of no use to anybody.
            let Ok(paths) = segment.file_paths(store).await else { return (segment, true) };
            let dead = paths.iter().filter(|path| !live.contains(*path)).count();
            (segment, dead * 2 >= paths.len())
        });
        judged
            .buffered(READS_IN_FLIGHT)
            .filter_map(|(segment, is_stale)| async move { is_stale.then_some(segment) })
            .collect()
            .await
    }
}

/// The segments to be merged with a new one of `new_bytes`: all of the smallest tiers up to one that is full.
fn to_merge(segments: &[Segment], new_bytes: u64) -> Vec<Segment> {
    let below = |limit: u64| segments.iter().filter(move |segment| segment.size_bytes() < limit);
    let is_full = |limit: &&u64| below(**limit).count() + usize::from(new_bytes < **limit) >= MERGE_AT_SEGMENTS;
    let Some(limit) = TIERS.iter().rev().find(is_full) else { return Vec::new() };
    let mut chosen: Vec<Segment> = below(*limit).cloned().collect();
    chosen.sort_by_key(Segment::size_bytes);
    let mut bytes = new_bytes;
    chosen.retain(|segment| {
        bytes += segment.size_bytes();
        bytes <= MERGE_BYTES
    });
    chosen
}

impl IndexChange {
    /// Deletes what the commit made unneeded; a failure leaves it for vacuum.
    pub(crate) async fn settle(&self) {
        discard(&self.next.store, &self.replaced).await;
    }

    /// Deletes what was written for a commit that is refused.
    pub(crate) async fn undo(&self) {
        discard(&self.next.store, self.added.as_slice()).await;
    }
}

async fn discard(store: &Arc<dyn ObjectStore>, segments: &[Segment]) {
    for segment in segments {
        let path = segment.path();
        if let Err(error) = store.delete(&path).await {
            tracing::debug!(%path, %error, "index file stays behind");
        }
    }
}

/// Whether a file of the lake has the name of an index file.
pub fn is_index_path(path: &Path) -> bool {
    segment::is_segment_path(path)
}

#[cfg(test)]
mod tests;
