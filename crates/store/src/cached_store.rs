//! An object store whose immutable objects are read through a [`BlockCache`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::block_cache::{BLOCK_BYTES, BlockCache, ObjectId};

/// Reads ranges of the objects that `is_immutable` names by whole blocks, and keeps them; everything else is passed on.
#[derive(Debug)]
pub(crate) struct CachedStore {
    inner: Arc<dyn ObjectStore>,
    /// URL of the inner store, by which objects of different stores are told apart.
    url: String,
    cache: Arc<BlockCache>,
    is_immutable: fn(&Path) -> bool,
}

type Blocks = BTreeMap<u64, Bytes>;

impl CachedStore {
    pub(crate) fn new(
        inner: Arc<dyn ObjectStore>,
        url: String,
        cache: Arc<BlockCache>,
        is_immutable: fn(&Path) -> bool,
    ) -> Self {
        Self { inner, url, cache, is_immutable }
    }

    /// The ranges, out of cached blocks and of those that are fetched now; `None` if one reaches beyond the end.
    async fn read(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Option<Vec<Bytes>>> {
        let object = ObjectId::new(&format!("{}/{location}", self.url));
        let wanted: BTreeSet<u64> = ranges.iter().flat_map(blocks_of).collect();
        let mut blocks = self.cached(object, wanted.clone()).await?;
        let missing: Vec<u64> = wanted.into_iter().filter(|block| !blocks.contains_key(block)).collect();
        if !missing.is_empty() {
            let fetched = self.fetch(location, &missing).await?;
            self.keep(object, fetched.clone()).await?;
            blocks.extend(fetched);
        }
        Ok(ranges.iter().map(|range| cut(&blocks, range)).collect())
    }

    async fn cached(&self, object: ObjectId, wanted: BTreeSet<u64>) -> Result<Blocks> {
        let cache = Arc::clone(&self.cache);
        let read = move || wanted.into_iter().filter_map(|block| Some((block, cache.get(object, block)?))).collect();
        Ok(tokio::task::spawn_blocking(read).await?)
    }

    async fn keep(&self, object: ObjectId, blocks: Blocks) -> Result<()> {
        let cache = Arc::clone(&self.cache);
        let write = move || blocks.iter().for_each(|(block, data)| cache.put(object, *block, data));
        Ok(tokio::task::spawn_blocking(write).await?)
    }

    /// Fetches blocks, neighbours by one request.
    async fn fetch(&self, location: &Path, missing: &[u64]) -> Result<Blocks> {
        let runs: Vec<Range<u64>> = missing
            .chunk_by(|a, b| a + 1 == *b)
            .map(|run| run[0] * BLOCK_BYTES..(run[run.len() - 1] + 1) * BLOCK_BYTES)
            .collect();
        let parts = self.inner.get_ranges(location, &runs).await?;
        let mut blocks = Blocks::new();
        for (run, part) in runs.iter().zip(parts) {
            let first = run.start / BLOCK_BYTES;
            for (number, start) in (first..).zip((0..part.len()).step_by(BLOCK_BYTES as usize)) {
                blocks.insert(number, part.slice(start..part.len().min(start + BLOCK_BYTES as usize)));
            }
        }
        Ok(blocks)
    }
}

/// Numbers of the blocks that a range touches.
fn blocks_of(range: &Range<u64>) -> Range<u64> {
    range.start / BLOCK_BYTES..range.end.div_ceil(BLOCK_BYTES)
}

/// A range out of its blocks; `None` if they end before it does.
fn cut(blocks: &Blocks, range: &Range<u64>) -> Option<Bytes> {
    let mut parts = blocks_of(range).map(|block| {
        let start = block * BLOCK_BYTES;
        let from = range.start.saturating_sub(start) as usize;
        let to = (range.end - start).min(BLOCK_BYTES) as usize;
        blocks.get(&block).filter(|data| data.len() >= to).map(|data| data.slice(from..to))
    });
    match blocks_of(range).count() {
        0 => Some(Bytes::new()),
        1 => parts.next().flatten(),
        _ => {
            let mut whole = BytesMut::with_capacity((range.end - range.start) as usize);
            parts.try_for_each(|part| part.map(|part| whole.extend_from_slice(&part)))?;
            Some(whole.freeze())
        }
    }
}

impl fmt::Display for CachedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for CachedStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if (self.is_immutable)(location)
            && is_plain(&options)
            && let Some(GetRange::Bounded(range)) = &options.range
            && let Some(mut parts) = self.read(location, std::slice::from_ref(range)).await?
        {
            return Ok(answer(location, range.clone(), parts.remove(0)));
        }
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if (self.is_immutable)(location)
            && ranges.iter().all(|range| range.start <= range.end)
            && let Some(parts) = self.read(location, ranges).await?
        {
            return Ok(parts);
        }
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// Whether a request is for content, and for no certain state of it.
pub fn is_plain(options: &GetOptions) -> bool {
    let GetOptions { if_match, if_none_match, if_modified_since, if_unmodified_since, version, head, .. } = options;
    if_match.is_none()
        && if_none_match.is_none()
        && if_modified_since.is_none()
        && if_unmodified_since.is_none()
        && version.is_none()
        && !head
}

/// An answer out of the cache; of the object itself, no more is known than that it is as long as the range.
fn answer(location: &Path, range: Range<u64>, part: Bytes) -> GetResult {
    let meta = ObjectMeta {
        location: location.clone(),
        last_modified: Default::default(),
        size: range.end,
        e_tag: None,
        version: None,
    };
    let payload = GetResultPayload::Stream(stream::once(async { Ok::<_, Error>(part) }.boxed()).boxed());
    GetResult { payload, meta, range, attributes: Default::default() }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    async fn store(size: u64) -> (tempfile::TempDir, Arc<InMemory>, CachedStore, Path, Vec<u8>) {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = Arc::new(InMemory::new());
        let content: Vec<u8> = (0..size).map(|i| (i * 31 % 251) as u8).collect();
        let path = Path::from("lake/part-1.parquet");
        inner.put(&path, content.clone().into()).await.expect("memory");
        let cache = Arc::new(BlockCache::open(folder.path(), 64 << 20).expect("a cache"));
        let is_immutable = |path: &Path| path.as_ref().ends_with(".parquet");
        let cached = CachedStore::new(Arc::clone(&inner) as _, "s3://b".to_owned(), cache, is_immutable);
        (folder, inner, cached, path, content)
    }

    #[tokio::test]
    async fn gives_the_bytes_of_the_object_with_and_without_it() {
        let size = 3 * BLOCK_BYTES + 1000;
        let (_folder, inner, cached, path, content) = store(size).await;
        let ranges = [
            0..10,
            BLOCK_BYTES - 5..BLOCK_BYTES + 5,
            10..3 * BLOCK_BYTES,
            size - 8..size,
            BLOCK_BYTES..2 * BLOCK_BYTES,
            7..7,
        ];
        let expected: Vec<&[u8]> = ranges.iter().map(|r| &content[r.start as usize..r.end as usize]).collect();
        assert_eq!(cached.get_ranges(&path, &ranges).await.expect("there"), expected);
        inner.delete(&path).await.expect("memory");
        assert_eq!(cached.get_ranges(&path, &ranges).await.expect("cached"), expected);
        for range in ranges {
            let got = cached.get_range(&path, range.clone()).await.expect("cached");
            assert_eq!(got, &content[range.start as usize..range.end as usize]);
        }
        assert!(cached.get(&path).await.is_err(), "a whole object is not kept");
    }

    #[tokio::test]
    async fn passes_on_what_may_change_or_reaches_beyond_the_end() {
        let (_folder, inner, cached, path, _) = store(1000).await;
        let inner_says = inner.get_range(&path, 900..2000).await.expect("there");
        assert_eq!(cached.get_range(&path, 900..2000).await.expect("there"), inner_says);
        let other = Path::from("lake/_last_checkpoint");
        inner.put(&other, "one".into()).await.expect("memory");
        assert_eq!(cached.get_range(&other, 0..3).await.expect("there"), "one");
        inner.put(&other, "two".into()).await.expect("memory");
        assert_eq!(cached.get_range(&other, 0..3).await.expect("there"), "two");
    }
}
