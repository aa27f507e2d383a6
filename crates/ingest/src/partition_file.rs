//! The data file of one partition: encoded, put into the lake's store, or taken back.

use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt};
use trailql_lake::NewFile;
use trailql_lake::file_format::{bloom_filters, delta_stats, new_data_path};

use crate::batch::{Batch, Partition, RowId};
use crate::error::IngestError;
use crate::parquet::encode;

/// Encodes the rows of one partition on a thread of its own.
pub(crate) async fn encode_file(
    batch: Arc<Batch>,
    partition: Partition,
    rows: Vec<RowId>,
) -> Result<(NewFile, Bytes), IngestError> {
    let encoded = tokio::task::spawn_blocking(move || encode(&batch, rows)).await?;
    let date = partition.day();
    let path = new_data_path(&partition.region, date.as_deref());
    let failed = |source| IngestError::Parquet { action: "writing", partition: path.to_string(), source };
    let (bytes, metadata) = encoded.map_err(failed)?;
    let (size_bytes, stats) = (bytes.len() as u64, delta_stats(&metadata));
    // Copies, since a part of `bytes` would keep all of them in memory until the commit.
    let blooms = bloom_filters(&metadata, |range| Bytes::copy_from_slice(&bytes[range]));
    Ok((NewFile { path, size_bytes, region: partition.region, date, stats, blooms }, bytes))
}

/// Sends an encoded file to the store; nobody sees it before its commit.
pub(crate) async fn put_file(store: Arc<dyn ObjectStore>, file: NewFile, bytes: Bytes) -> Result<NewFile, IngestError> {
    let failed = |source| IngestError::Store { action: "writing", path: file.path.clone(), source };
    store.put(&file.path, bytes.into()).await.map_err(failed)?;
    Ok(file)
}

/// Deletes files that no commit will name; a failure leaves them for vacuum.
pub(crate) async fn delete_files(store: &Arc<dyn ObjectStore>, files: &[NewFile]) {
    for file in files {
        if let Err(error) = store.delete(&file.path).await {
            tracing::debug!(path = %file.path, %error, "uncommitted file stays behind");
        }
    }
}
