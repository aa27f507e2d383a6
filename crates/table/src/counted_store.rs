//! Counting what one scan asks of an object store, for `EXPLAIN ANALYZE`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, Metric, MetricValue};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A store that counts its reads: those of footers while planning, and those of column chunks.
///
/// Ranges that lie close together are read by one request, which counts as one.
#[derive(Debug, Clone)]
pub(crate) struct CountedStore {
    inner: Arc<dyn ObjectStore>,
    requests: Count,
    bytes: Count,
}

impl CountedStore {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, requests: Count::new(), bytes: Count::new() }
    }

    /// Shows the counts among the metrics of a scan.
    pub(crate) fn show_in(&self, metrics: &ExecutionPlanMetricsSet) {
        for (name, count) in [("store_requests", &self.requests), ("store_bytes", &self.bytes)] {
            let value = MetricValue::Count { name: Cow::Borrowed(name), count: count.clone() };
            metrics.register(Arc::new(Metric::new(value, None)));
        }
    }
}

impl fmt::Display for CountedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for CountedStore {
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
        self.requests.add(1);
        let mut got = self.inner.get_opts(location, options).await?;
        if let GetResultPayload::Stream(stream) = got.payload {
            let bytes = self.bytes.clone();
            let counted = stream.inspect(move |part| bytes.add(part.as_ref().map_or(0, |part| part.len())));
            got.payload = GetResultPayload::Stream(counted.boxed());
        }
        Ok(got)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
