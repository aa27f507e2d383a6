//! The data file of one partition: encoded, put into the lake's store, or taken back.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use trailql_lake::NewFile;
use uuid::Uuid;

use crate::batch::{Batch, Partition, RowId};
use crate::error::IngestError;
use crate::parquet::encode;
use crate::stats::delta_stats;

/// Encodes the rows of one partition on a thread of its own.
pub(crate) async fn encode_file(
    batch: Arc<Batch>,
    partition: Partition,
    rows: Vec<RowId>,
) -> Result<(NewFile, Bytes), IngestError> {
    let encoded = tokio::task::spawn_blocking(move || encode(&batch, rows)).await?;
    let date = partition.day();
    let day = date.as_deref().unwrap_or("__HIVE_DEFAULT_PARTITION__");
    let folder = format!("region={}/date={day}", hive_escape(&partition.region));
    let (bytes, metadata) =
        encoded.map_err(|source| IngestError::Parquet { action: "writing", partition: folder.clone(), source })?;
    let path = Path::from(format!("{folder}/part-{}.parquet", Uuid::new_v4()));
    let (size_bytes, stats) = (bytes.len() as u64, delta_stats(&metadata));
    Ok((NewFile { path, size_bytes, region: partition.region, date, stats }, bytes))
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

/// A partition value as part of a path; readers take the value itself from the Delta log.
fn hive_escape(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("_{byte:02X}") }).collect()
}
