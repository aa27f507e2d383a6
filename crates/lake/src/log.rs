//! The files of the Delta log, and what single commits say about themselves.

use chrono::{DateTime, Utc};
use deltalake::kernel::{Action, CommitInfo};
use futures::TryStreamExt;
use object_store::path::Path;

use crate::error::LakeError;
use crate::lake::Lake;

/// Folder of the Delta log.
pub const LOG_FOLDER: &str = "_delta_log";

/// Digits of a version in the name of a file of the log.
const VERSION_DIGITS: usize = 20;

/// One file of the Delta log that belongs to a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Path relative to the lake.
    pub path: Path,
    /// Version that the file makes, or sums up.
    pub version: u64,
    /// What the file is.
    pub kind: LogEntryKind,
    /// Size in bytes.
    pub size_bytes: u64,
    /// When it was written, as the store says.
    pub modified: DateTime<Utc>,
}

/// What a file of the Delta log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogEntryKind {
    /// The actions of one commit.
    Commit,
    /// The sum of all commits up to its version, or a part of it.
    Checkpoint,
    /// A checksum.
    Checksum,
}

impl Lake {
    /// Lists the Delta log, in the order of versions.
    pub async fn log_entries(&self) -> Result<Vec<LogEntry>, LakeError> {
        let folder = Path::from(LOG_FOLDER);
        let store = self.store();
        let objects: Vec<_> =
            store.list(Some(&folder)).try_collect().await.map_err(|e| LakeError::store("listing", &folder, e))?;
        let entry = |object: object_store::ObjectMeta| {
            let (version, kind) = parse_name(object.location.filename()?)?;
            let (size_bytes, modified) = (object.size, object.last_modified);
            Some(LogEntry { path: object.location, version, kind, size_bytes, modified })
        };
        let mut entries: Vec<_> = objects.into_iter().filter_map(entry).collect();
        entries.sort_by(|a, b| (a.version, &a.path).cmp(&(b.version, &b.path)));
        Ok(entries)
    }

    /// Returns when a version was committed, by its writer's clock; `None` where the log has no such commit (any more).
    pub async fn commit_time(&self, version: u64) -> Result<Option<DateTime<Utc>>, LakeError> {
        let millis = self.commit_info(version).await?.and_then(|info| info.in_commit_timestamp.or(info.timestamp));
        Ok(millis.and_then(DateTime::from_timestamp_millis))
    }

    /// What the commit of a version says about itself.
    pub(crate) async fn commit_info(&self, version: u64) -> Result<Option<CommitInfo>, LakeError> {
        let entry = self.table.log_store().read_commit_entry(version).await;
        let Some(bytes) = entry.map_err(|source| self.log_error("reading", source))? else { return Ok(None) };
        for action in serde_json::Deserializer::from_slice(&bytes).into_iter::<Action>() {
            let action = action.map_err(|error| self.log_error("reading", error.into()))?;
            if let Action::CommitInfo(info) = action {
                return Ok(Some(info));
            }
        }
        Ok(Some(CommitInfo::default()))
    }
}

/// Returns the oldest version that `entries` still give: what stands before it cannot be put together any more.
pub fn oldest_version(entries: &[LogEntry]) -> Option<u64> {
    let starts = |entry: &&LogEntry| entry.version == 0 || entry.kind == LogEntryKind::Checkpoint;
    entries.iter().find(starts).map(|entry| entry.version)
}

/// Whether a file of the lake has the name of a file of the Delta log that belongs to a version.
pub fn is_log_path(path: &Path) -> bool {
    let Some(name) = path.as_ref().strip_prefix(LOG_FOLDER).and_then(|rest| rest.strip_prefix('/')) else {
        return false;
    };
    parse_name(name).is_some()
}

fn parse_name(name: &str) -> Option<(u64, LogEntryKind)> {
    let (digits, extension) = name.split_once('.')?;
    if digits.len() != VERSION_DIGITS {
        return None;
    }
    let kind = match extension {
        "json" => LogEntryKind::Commit,
        "crc" => LogEntryKind::Checksum,
        other if other.starts_with("checkpoint.") => LogEntryKind::Checkpoint,
        _ => return None,
    };
    Some((digits.parse().ok()?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_files_of_the_log_apart() {
        assert_eq!(parse_name("00000000000000000012.json"), Some((12, LogEntryKind::Commit)));
        assert_eq!(parse_name("00000000000000000012.checkpoint.parquet"), Some((12, LogEntryKind::Checkpoint)));
        let part = "00000000000000000012.checkpoint.0000000001.0000000002.parquet";
        assert_eq!(parse_name(part), Some((12, LogEntryKind::Checkpoint)));
        for name in
            ["_last_checkpoint", "12.json", "00000000000000000012.00000000000000000014.compacted.json", "x.json"]
        {
            assert_eq!(parse_name(name), None, "{name}");
        }
    }
}
