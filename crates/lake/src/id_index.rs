//! Sorted files of event-ID hashes: the answer to "is this event in the lake already?".
//!
//! ```text
//! magic        8 bytes  "TQLIDS1\n"
//! count        u64      number of keys
//! fences       u64 × ⌈count / BLOCK_KEYS⌉   first ID hash of each block
//! ids          u64 × count                  sorted
//! contents     u32 × count                  in the order of the ids
//! ```
//!
//! All numbers are little-endian. 12 bytes a key, so that 100 M events take 1.2 GB on disk and next to nothing in
//! memory: a lookup reads the blocks that can hold what it asks for.

use std::ops::Range;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::path::Path;
use trailql_event::EventKey;

use crate::error::LakeError;

const MAGIC: &[u8; 8] = b"TQLIDS1\n";
const HEADER_BYTES: u64 = 16;
const ID_BYTES: u64 = 8;
const CONTENT_BYTES: u64 = 4;

/// Keys in a block: 48 KiB, about what one disk read or one ranged GET brings anyway.
const BLOCK_KEYS: u64 = 4096;

/// Blocks read at once at the most, which bounds the memory of a lookup to 12 MiB.
const RUN_BLOCKS: u64 = 256;

/// A written index file.
#[derive(Debug, Clone)]
pub(crate) struct IdIndex {
    path: Path,
    count: u64,
}

impl IdIndex {
    /// Names the index file at `path` that holds `count` keys.
    pub(crate) fn new(path: Path, count: u64) -> Self {
        Self { path, count }
    }

    /// Lays out `keys`, which must be sorted, as the bytes of an index file.
    pub(crate) fn encode(keys: &[EventKey]) -> Bytes {
        debug_assert!(keys.is_sorted());
        let mut out = Vec::with_capacity(keys.len() * 12 + keys.len() / 256 + 32);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&(keys.len() as u64).to_le_bytes());
        for block in keys.chunks(BLOCK_KEYS as usize) {
            out.extend_from_slice(&block[0].id.to_le_bytes());
        }
        out.extend(keys.iter().flat_map(|key| key.id.to_le_bytes()));
        out.extend(keys.iter().flat_map(|key| key.content.to_le_bytes()));
        out.into()
    }

    /// Reads every key, in order.
    pub(crate) async fn read_all(&self, store: &dyn ObjectStore) -> Result<Vec<EventKey>, LakeError> {
        if self.count == 0 {
            return Ok(Vec::new());
        }
        self.fences(store).await?;
        self.read_run(store, 0..self.blocks()).await
    }

    /// Calls `hit(i, content)` for every key of the file whose ID equals `probes[i].id`; `probes` must be sorted.
    pub(crate) async fn find(
        &self,
        store: &dyn ObjectStore,
        probes: &[EventKey],
        mut hit: impl FnMut(usize, u32),
    ) -> Result<(), LakeError> {
        if self.count == 0 || probes.is_empty() {
            return Ok(());
        }
        let fences = self.fences(store).await?;
        for run in runs(&fences, probes) {
            let keys = self.read_run(store, run).await?;
            let (Some(first), Some(last)) = (keys.first(), keys.last()) else { continue };
            let mut at = 0;
            let from = probes.partition_point(|probe| probe.id < first.id);
            for (i, probe) in probes.iter().enumerate().skip(from).take_while(|(_, probe)| probe.id <= last.id) {
                at += keys[at..].partition_point(|key| key.id < probe.id);
                keys[at..].iter().take_while(|key| key.id == probe.id).for_each(|key| hit(i, key.content));
            }
        }
        Ok(())
    }

    fn blocks(&self) -> u64 {
        self.count.div_ceil(BLOCK_KEYS)
    }

    /// First ID of every block; checks the file's head on the way.
    async fn fences(&self, store: &dyn ObjectStore) -> Result<Vec<u64>, LakeError> {
        let head_range = 0..HEADER_BYTES + self.blocks() * ID_BYTES;
        let head = self.read(store, std::slice::from_ref(&head_range)).await?.remove(0);
        let (head, fences) = head.split_at(HEADER_BYTES as usize);
        if &head[..8] != MAGIC || head[8..] != self.count.to_le_bytes() {
            return Err(LakeError::ledger(&self.path, format!("it does not hold {} event IDs", self.count)));
        }
        Ok(u64s(fences))
    }

    async fn read_run(&self, store: &dyn ObjectStore, blocks: Range<u64>) -> Result<Vec<EventKey>, LakeError> {
        let keys = blocks.start * BLOCK_KEYS..(blocks.end * BLOCK_KEYS).min(self.count);
        let ids_at = HEADER_BYTES + self.blocks() * ID_BYTES;
        let contents_at = ids_at + self.count * ID_BYTES;
        let ids = ids_at + keys.start * ID_BYTES..ids_at + keys.end * ID_BYTES;
        let contents = contents_at + keys.start * CONTENT_BYTES..contents_at + keys.end * CONTENT_BYTES;
        let parts = self.read(store, &[ids, contents]).await?;
        let contents = parts[1].as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
        Ok(u64s(&parts[0]).into_iter().zip(contents).map(|(id, content)| EventKey { id, content }).collect())
    }

    async fn read(&self, store: &dyn ObjectStore, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, LakeError> {
        let parts = store.get_ranges(&self.path, ranges).await.map_err(|e| LakeError::segment(&self.path, e))?;
        let whole = parts.iter().zip(ranges).all(|(part, range)| part.len() as u64 == range.end - range.start);
        if whole { Ok(parts) } else { Err(LakeError::ledger(&self.path, "it is cut short")) }
    }
}

/// Runs of neighbouring blocks that together cover every probe.
fn runs(fences: &[u64], probes: &[EventKey]) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for probe in probes {
        // Equal IDs may sit on both sides of a fence, so the block before the first equal fence counts too.
        let first = fences.partition_point(|fence| *fence < probe.id).saturating_sub(1) as u64;
        let end = fences.partition_point(|fence| *fence <= probe.id) as u64;
        match runs.last_mut() {
            Some(run) if first <= run.end && end - run.start <= RUN_BLOCKS => run.end = run.end.max(end),
            Some(run) => {
                let first = first.max(run.end);
                if first < end {
                    runs.push(first..end);
                }
            }
            None if first < end => runs.push(first..end),
            None => {}
        }
    }
    runs
}

fn u64s(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use object_store::memory::InMemory;
    use object_store::{ObjectStoreExt, PutPayload};

    use super::*;

    async fn index(keys: &[EventKey]) -> (InMemory, IdIndex) {
        let store = InMemory::new();
        let path = Path::from("x.ids");
        store.put(&path, PutPayload::from(IdIndex::encode(keys))).await.expect("memory");
        (store, IdIndex::new(path, keys.len() as u64))
    }

    fn keys(ids: impl Iterator<Item = u64>) -> Vec<EventKey> {
        ids.map(|id| EventKey { id, content: (id ^ 7) as u32 }).collect()
    }

    #[tokio::test]
    async fn finds_what_a_set_finds() {
        let stored: BTreeSet<u64> = (0..100_000u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        let (store, index) = index(&keys(stored.iter().copied())).await;
        for step in [1, 2, 1000, 49_999] {
            let mut asked: Vec<u64> =
                (0..200_000u64).step_by(step).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
            asked.sort_unstable();
            let probes = keys(asked.iter().copied());
            let mut found = BTreeSet::new();
            index
                .find(&store, &probes, |i, content| {
                    assert_eq!(content, probes[i].content);
                    found.insert(probes[i].id);
                })
                .await
                .expect("find");
            let expected: BTreeSet<u64> = asked.into_iter().filter(|id| stored.contains(id)).collect();
            assert_eq!(found, expected);
        }
    }

    #[tokio::test]
    async fn finds_equal_ids_across_blocks() {
        let mut stored = keys(0..BLOCK_KEYS - 1);
        stored.extend((0..3).map(|content| EventKey { id: BLOCK_KEYS, content }));
        let (store, index) = index(&stored).await;
        let mut hits = Vec::new();
        index.find(&store, &[EventKey { id: BLOCK_KEYS, content: 9 }], |_, c| hits.push(c)).await.expect("find");
        assert_eq!(hits, [0, 1, 2]);
    }

    #[tokio::test]
    async fn refuses_a_damaged_file() {
        let (store, index) = index(&keys(0..10)).await;
        let wrong = IdIndex::new(index.path.clone(), 11);
        assert!(matches!(wrong.read_all(&store).await, Err(LakeError::Ledger { .. } | LakeError::Store { .. })));
    }
}
