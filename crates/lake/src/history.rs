//! What was committed when.

use futures::{StreamExt, TryStreamExt, stream};

use crate::error::LakeError;
use crate::lake::Lake;

/// Commits read at once.
const READS_IN_FLIGHT: usize = 16;

/// One commit of the lake.
#[derive(Debug, Clone, serde::Serialize)]
pub struct CommitSummary {
    /// Version that the commit made.
    pub version: Option<u64>,
    /// Milliseconds since the epoch.
    pub timestamp_millis: Option<i64>,
    /// Delta's name of the operation: `CREATE TABLE`, `WRITE`, …
    pub operation: Option<String>,
    /// Counts that the writer noted, such as `trailql.kept`.
    pub metrics: serde_json::Map<String, serde_json::Value>,
}

impl Lake {
    /// The last `limit` commits, newest first, as far as the log goes back.
    pub async fn history(&self, limit: usize) -> Result<Vec<CommitSummary>, LakeError> {
        let versions = (0..=self.snapshot().version).rev().take(limit);
        stream::iter(versions)
            .map(|version| async move {
                let info = self.commit_info(version).await?;
                Ok::<_, LakeError>(info.map(|info| CommitSummary {
                    version: Some(version),
                    timestamp_millis: info.in_commit_timestamp.or(info.timestamp),
                    operation: info.operation,
                    metrics: info.info.into_iter().filter(|(key, _)| key.starts_with("trailql.")).collect(),
                }))
            })
            .buffered(READS_IN_FLIGHT)
            .try_take_while(|summary| std::future::ready(Ok(summary.is_some())))
            .try_filter_map(|summary| std::future::ready(Ok(summary)))
            .try_collect()
            .await
    }
}
