//! What was committed when.

use futures::TryStreamExt;

use crate::error::LakeError;
use crate::lake::Lake;

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
    /// The last `limit` commits, newest first.
    pub async fn history(&self, limit: usize) -> Result<Vec<CommitSummary>, LakeError> {
        let newest = self.snapshot().version;
        let commits: Vec<_> =
            self.table.history(Some(limit)).try_collect().await.map_err(|source| self.log_error("reading", source))?;
        let summary = |(age, info): (usize, deltalake::kernel::CommitInfo)| CommitSummary {
            version: newest.checked_sub(age as u64),
            timestamp_millis: info.timestamp,
            operation: info.operation,
            metrics: info.info.into_iter().filter(|(key, _)| key.starts_with("trailql.")).collect(),
        };
        Ok(commits.into_iter().enumerate().map(summary).collect())
    }
}
