//! Opens what CloudTrail delivered, with its digests: a bucket, or a folder that is a copy of one.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::ObjectStore;
use trailql_integrity::{OpenBucket, Source};
use trailql_source::SourceError;
use trailql_store::{S3Location, Stores};

use crate::error::IngestError;

/// Opens the buckets that chains lead to when their trail has changed its bucket.
#[derive(Debug)]
struct OtherBuckets(Stores);

#[async_trait]
impl OpenBucket for OtherBuckets {
    async fn open(&self, bucket: &str) -> Result<Arc<dyn ObjectStore>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Arc::new(self.0.bucket(bucket).await?))
    }
}

/// Opens a bucket (`s3://…`), or a folder as [`Source::folder`] does.
pub async fn open_delivery(stores: &Stores, place: &str, copy_of: Option<&str>) -> Result<Source, IngestError> {
    if let Some(location) = S3Location::parse(place) {
        let location = location.map_err(SourceError::from)?;
        let bucket = Arc::new(stores.bucket(&location.bucket).await.map_err(SourceError::from)?);
        let others: Arc<dyn OpenBucket> = Arc::new(OtherBuckets(stores.clone()));
        return Ok(Source::bucket(&location.bucket, bucket, &location.key, Some(others)).await?);
    }
    if let Some((scheme, _)) = place.split_once("://").filter(|_| !Path::new(place).exists()) {
        return Err(SourceError::Scheme { url: place.to_owned(), scheme: scheme.to_owned() }.into());
    }
    Ok(Source::folder(Path::new(place), copy_of).await?)
}
