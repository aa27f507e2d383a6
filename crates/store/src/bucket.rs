//! One bucket: an object store, its listing by pages, and writes that are done once.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    CopyOptions, CredentialProvider, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    WriteMultipart,
};

use crate::credentials::CachedCredentials;
use crate::odd_keys::{is_odd, unmark};
use crate::problem::{Problem, ProblemKind};

/// Larger objects are sent in parts of [`PART_BYTES`], so that a slow line does not time out on all of one, nor send all
/// of it again.
const LARGE_BYTES: usize = 32 << 20;

/// Size of such a part; with 10,000 parts at the most, objects may be of 80 GB.
const PART_BYTES: usize = 8 << 20;

/// Parts in flight.
const PARTS_AT_ONCE: usize = 4;

/// Attempts at a conditional write whose answer got lost.
const CREATE_ATTEMPTS: usize = 4;

/// A bucket of S3, or of a server that speaks S3; cheap to clone.
///
/// A write with [`PutMode::Create`] succeeds if the object is there with its content, even where the answer got lost on
/// the way and the attempt that followed found the object in place. Otherwise a commit of our own would pass for
/// somebody else's.
#[derive(Debug, Clone)]
pub struct Bucket {
    name: Arc<str>,
    s3: AmazonS3,
    credentials: Arc<CachedCredentials>,
}

/// Which objects a page is to hold.
#[derive(Debug, Clone, Copy, Default)]
pub struct PageRequest<'a> {
    /// Beginning of the keys.
    pub prefix: &'a str,
    /// Sums up keys with a `/` behind the prefix as folders.
    pub by_folder: bool,
    /// Only keys behind this one.
    pub after: Option<&'a str>,
    /// Where the last page ended.
    pub token: Option<&'a str>,
}

/// A part of a listing, in the order of keys.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Objects.
    pub objects: Vec<ListedObject>,
    /// Folders, with a `/` at their ends.
    pub folders: Vec<String>,
    /// Where the next page begins, if there is one.
    pub token: Option<String>,
}

/// An object as a listing shows it.
#[derive(Debug, Clone)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size_bytes: u64,
    /// What changes with its content.
    pub e_tag: Option<String>,
    /// When it was last written.
    pub modified: SystemTime,
}

impl Bucket {
    pub(crate) fn new(name: &str, s3: AmazonS3, credentials: Arc<CachedCredentials>) -> Self {
        Self { name: name.into(), s3, credentials }
    }

    /// Name of the bucket.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lists one page of up to 1,000 objects and folders.
    pub async fn list_page(&self, request: PageRequest<'_>) -> Result<Page> {
        let options = PaginatedListOptions {
            offset: request.after.map(str::to_owned),
            delimiter: request.by_folder.then_some("/".into()),
            page_token: request.token.map(str::to_owned),
            ..PaginatedListOptions::default()
        };
        let prefix = Some(request.prefix).filter(|prefix| !prefix.is_empty());
        let page = self.renewing(|| self.s3.list_paginated(prefix, options.clone())).await?;
        let object = |meta: ObjectMeta| ListedObject {
            modified: meta.last_modified.into(),
            key: unmark(meta.location.into()),
            size_bytes: meta.size,
            e_tag: meta.e_tag,
        };
        Ok(Page {
            objects: page.result.objects.into_iter().map(object).collect(),
            folders: page
                .result
                .common_prefixes
                .into_iter()
                .map(|folder| format!("{}/", unmark(folder.into())))
                .collect(),
            token: page.page_token,
        })
    }

    /// Whether an object can be asked for by this key; a listing shows others, too.
    pub fn can_hold(key: &str) -> bool {
        !is_odd(key)
    }

    /// Asks once more, with other credentials, if the server does not take those it was asked with any longer.
    async fn renewing<T, F: Future<Output = Result<T>>>(&self, ask: impl Fn() -> F) -> Result<T> {
        let used = self.credentials.get_credential().await?;
        match ask().await {
            Err(error) if is_refused(&error) && self.credentials.renew(&used).await => ask().await,
            outcome => outcome,
        }
    }

    /// What `list` gives, from its beginning if the credentials expire on the way.
    fn listed<S>(&self, list: impl Fn(&AmazonS3) -> S + Send + Sync + 'static) -> BoxStream<'static, Result<ObjectMeta>>
    where
        S: Stream<Item = Result<ObjectMeta>> + Send + 'static,
    {
        let bucket = self.clone();
        let listed = async move {
            let objects: Vec<ObjectMeta> = bucket.renewing(|| list(&bucket.s3).try_collect()).await?;
            Ok::<_, Error>(stream::iter(objects.into_iter().map(Ok)))
        };
        stream::once(listed).try_flatten().boxed()
    }

    async fn put(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match options.mode {
            PutMode::Create => self.create(location, payload, options).await,
            PutMode::Overwrite if payload.content_length() > LARGE_BYTES => {
                self.put_in_parts(location, payload, options).await
            }
            _ => self.s3.put_opts(location, payload, options).await,
        }
    }

    async fn create(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let mut attempt = 1;
        loop {
            let error = match self.s3.put_opts(location, payload.clone(), options.clone()).await {
                Err(error) if is_unsettled(&error) => error,
                outcome => return outcome,
            };
            match self.content(location).await {
                Ok(Some((result, content))) if is_same(&content, &payload) => {
                    tracing::debug!(%location, "the write went through although its answer got lost");
                    return Ok(result);
                }
                Ok(None) if attempt < CREATE_ATTEMPTS => attempt += 1,
                Ok(_) | Err(_) => return Err(error),
            }
        }
    }

    async fn put_in_parts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let PutOptions { tags, attributes, extensions, .. } = options;
        let options = PutMultipartOptions { tags, attributes, extensions };
        let upload = self.s3.put_multipart_opts(location, options).await?;
        let mut writer = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        let pieces = payload.iter().flat_map(|bytes| {
            let piece = |start| bytes.slice(start..bytes.len().min(start + PART_BYTES));
            (0..bytes.len()).step_by(PART_BYTES).map(piece)
        });
        for piece in pieces {
            if let Err(error) = writer.wait_for_capacity(PARTS_AT_ONCE).await {
                // Parts that stay behind are of no use to anybody; whether they can be deleted changes nothing here.
                let _ = writer.abort().await;
                return Err(error);
            }
            writer.put(piece);
        }
        writer.finish().await
    }

    /// What is stored at `location`, if anything.
    async fn content(&self, location: &Path) -> Result<Option<(PutResult, Vec<u8>)>> {
        let got = match self.s3.get(location).await {
            Ok(got) => got,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let result = PutResult { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        Ok(Some((result, got.bytes().await?.into())))
    }
}

/// Whether the server does not take the credentials; what they may not do is another matter.
fn is_refused(error: &Error) -> bool {
    Problem::of(error).kind == ProblemKind::Credentials
}

/// Whether the object may be ours for all that is known: it is there (or, by a 409, just coming), or the line broke.
fn is_unsettled(error: &Error) -> bool {
    matches!(error, Error::AlreadyExists { .. }) || Problem::of(error).kind == ProblemKind::Unavailable
}

fn is_same(content: &[u8], payload: &PutPayload) -> bool {
    let mut rest = content;
    payload.iter().all(|part| match rest.strip_prefix(part.as_ref()) {
        Some(behind) => {
            rest = behind;
            true
        }
        None => false,
    }) && rest.is_empty()
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.name)
    }
}

#[async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.renewing(|| self.put(location, payload.clone(), options.clone())).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.s3.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.renewing(|| self.s3.get_opts(location, options.clone())).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        self.renewing(|| self.s3.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.s3.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.cloned();
        self.listed(move |s3| s3.list(prefix.as_ref()))
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        let (prefix, offset) = (prefix.cloned(), offset.clone());
        self.listed(move |s3| s3.list_with_offset(prefix.as_ref(), &offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.renewing(|| self.s3.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.renewing(|| self.s3.copy_opts(from, to, options.clone())).await
    }
}
