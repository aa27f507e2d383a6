//! Reading each file of the Delta log once.
//!
//! Opening a table reads its log three times over: for its schema, its files and its ledger. On a disk that costs
//! nothing; in a bucket every read is a request. Commits and checkpoints never change once they are written.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use trailql_store::is_plain;

const LOG_FOLDER: &str = "_delta_log";

/// Bytes kept. A checkpoint takes about 1 KB for each data file; the commits behind it are few.
const MAX_BYTES: u64 = 64 << 20;

/// A store that keeps what it read of `_delta_log` in memory, and passes everything else on.
#[derive(Debug)]
pub(crate) struct LogCache {
    inner: Arc<dyn ObjectStore>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    files: HashMap<Path, LogFile>,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct LogFile {
    meta: ObjectMeta,
    content: Bytes,
}

impl LogCache {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, kept: Mutex::default() }
    }

    /// The whole file, or `None` if it is too large to be kept.
    async fn file(&self, location: &Path) -> Result<Option<LogFile>> {
        if let Some(file) = self.kept().files.get(location) {
            return Ok(Some(file.clone()));
        }
        let got = self.inner.get(location).await?;
        if got.meta.size > MAX_BYTES / 2 {
            return Ok(None);
        }
        let file = LogFile { meta: got.meta.clone(), content: got.bytes().await? };
        self.kept().keep(location, file.clone());
        Ok(Some(file))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, location: &Path, file: LogFile) {
        if self.bytes + file.meta.size > MAX_BYTES {
            // What an older checkpoint needed is of no use any more; the rest is soon read again.
            *self = Self::default();
        }
        self.bytes += file.meta.size;
        self.files.insert(location.clone(), file);
    }
}

impl LogFile {
    fn answer(self, options: &GetOptions) -> Result<GetResult> {
        let size = self.meta.size;
        let range = match &options.range {
            None => 0..size,
            Some(range) => range
                .as_range(size)
                .map_err(|error| object_store::Error::Generic { store: "Delta log", source: Box::new(error) })?,
        };
        let part = self.content.slice(range.start as usize..range.end as usize);
        let payload = GetResultPayload::Stream(stream::once(async { Ok(part) }.boxed()).boxed());
        Ok(GetResult { payload, meta: self.meta, range, attributes: Default::default() })
    }
}

/// Whether the file is a commit or a checkpoint: named by its version, unlike `_last_checkpoint`.
fn is_immutable(location: &Path) -> bool {
    let mut parts = location.parts().collect::<Vec<_>>().into_iter().rev();
    let is_version = |name: &str| name.len() > 20 && name.as_bytes()[..20].iter().all(u8::is_ascii_digit);
    parts.next().is_some_and(|name| is_version(name.as_ref()))
        && parts.next().is_some_and(|folder| folder.as_ref() == LOG_FOLDER)
}

impl fmt::Display for LogCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for LogCache {
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
        if is_immutable(location)
            && is_plain(&options)
            && let Some(file) = self.file(location).await?
        {
            return file.answer(&options);
        }
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if is_immutable(location)
            && let Some(file) = self.file(location).await?
            && ranges.iter().all(|range| range.start <= range.end && range.end <= file.meta.size)
        {
            let part = |range: &Range<u64>| file.content.slice(range.start as usize..range.end as usize);
            return Ok(ranges.iter().map(part).collect());
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

#[cfg(test)]
mod tests {
    use object_store::GetRange;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn commits_are_read_once_and_everything_else_every_time() {
        let inner = Arc::new(InMemory::new());
        let cache = LogCache::new(Arc::clone(&inner) as _);
        for (name, is_kept) in [
            ("lake/_delta_log/00000000000000000007.json", true),
            ("lake/_delta_log/00000000000000000007.checkpoint.parquet", true),
            ("lake/_delta_log/_last_checkpoint", false),
            ("lake/region=x/00000000000000000007.json", false),
        ] {
            let path = Path::from(name);
            inner.put(&path, "content".into()).await.expect("memory");
            assert_eq!(cache.get(&path).await.expect("there").bytes().await.expect("memory"), "content");
            inner.delete(&path).await.expect("memory");
            assert_eq!(cache.get(&path).await.is_ok(), is_kept, "{name}");
        }
    }

    #[tokio::test]
    async fn ranges_of_what_is_kept_are_those_of_the_file() {
        let cache = LogCache::new(Arc::new(InMemory::new()));
        let path = Path::from("_delta_log/00000000000000000000.json");
        cache.put(&path, "0123456789".into()).await.expect("memory");
        let ranges = cache.get_ranges(&path, &[2..4, 9..10]).await.expect("there");
        assert_eq!(ranges, ["23", "9"]);
        let options = GetOptions { range: Some(GetRange::Suffix(3)), ..GetOptions::default() };
        let got = cache.get_opts(&path, options).await.expect("there");
        assert_eq!((got.range.clone(), got.bytes().await.expect("memory")), (7..10, "789".into()));
        assert!(cache.get_range(&path, 11..12).await.is_err());
    }
}
