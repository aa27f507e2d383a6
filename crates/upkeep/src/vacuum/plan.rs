//! Which files may be deleted: the rules, apart from the deleting.
//!
//! A file is deleted only if it has the name of one of the lake's own files or the log names it as removed. It stays if
//! any version within the retention needs it, or if it is so young that a running writer may be about to commit it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use object_store::ObjectMeta;
use object_store::path::Path;
use serde::Serialize;
use trailql_lake::file_format::is_data_path;
use trailql_lake::{LogEntry, LogEntryKind, is_index_path, is_ledger_path};

/// Age below which a file that the log does not name may belong to a writer at work: a batch or a compaction is written
/// and committed within minutes.
pub(super) const UNCOMMITTED: TimeDelta = TimeDelta::days(1);

/// Age below which files of the log stay, so that the history can be read; Delta's own default.
const LOG_RETENTION: TimeDelta = TimeDelta::days(30);

/// A file that no version within the retention needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deletion {
    /// Path within the lake.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Why it may go.
    pub kind: DeletionKind,
}

/// Why a file may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletionKind {
    /// A data file that was taken out of the lake, merged or expired.
    Removed,
    /// A data file that never became part of the lake: its writer died.
    Orphan,
    /// A ledger file that the lake does not name.
    Ledger,
    /// A file of the index that the lake does not name.
    Index,
    /// A file of the Delta log that a checkpoint stands for.
    Log,
    /// A file that its writer did not finish.
    Unfinished,
}

/// What the lake says about its files.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// Files of versions within the retention, as far as they are not only known as removed since.
    pub(super) live: HashSet<Path>,
    /// When other files were taken out.
    pub(super) removed: HashMap<Path, DateTime<Utc>>,
    /// Files of the ledger and of the index.
    pub(super) ledger_and_index: HashSet<Path>,
    /// Files of the log that are needed to put the versions within the retention together start at this version.
    pub(super) log_from: u64,
}

/// Times that decide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ages {
    pub(super) now: DateTime<Utc>,
    /// Versions that were newest at this time or later can still be read afterwards.
    pub(super) cutoff: DateTime<Utc>,
}

impl Needs {
    /// What may be done with a file that the store lists; `None` to leave it.
    pub(super) fn judge(&self, object: &ObjectMeta, ages: Ages) -> Option<DeletionKind> {
        let path = &object.location;
        if self.live.contains(path) || self.ledger_and_index.contains(path) {
            return None;
        }
        let is_abandoned = object.last_modified <= ages.now - UNCOMMITTED;
        if let Some(removed) = self.removed.get(path) {
            return (*removed <= ages.cutoff).then_some(DeletionKind::Removed);
        }
        if is_data_path(path) {
            // It may also be one whose removal the log has forgotten; then the age counts all the same.
            return (is_abandoned && object.last_modified <= ages.cutoff).then_some(DeletionKind::Orphan);
        }
        let kind = match path {
            path if is_ledger_path(path) => DeletionKind::Ledger,
            path if is_index_path(path) => DeletionKind::Index,
            _ => return None,
        };
        is_abandoned.then_some(kind)
    }

    /// What may be done with a file of the log; `None` to leave it.
    pub(super) fn judge_log(&self, entry: &LogEntry, ages: Ages) -> Option<DeletionKind> {
        let is_old = entry.modified <= ages.cutoff.min(ages.now - LOG_RETENTION);
        (is_old && entry.version < self.log_from).then_some(DeletionKind::Log)
    }
}

/// The version from which on the log must stay: the newest checkpoint at or before the oldest version to be kept.
pub(super) fn log_needed_from(entries: &[LogEntry], oldest_kept: u64, last_checkpoint: Option<u64>) -> u64 {
    let is_start = |entry: &&LogEntry| entry.kind == LogEntryKind::Checkpoint && entry.version <= oldest_kept;
    let start = entries.iter().filter(is_start).map(|entry| entry.version).max().unwrap_or_default();
    // Readers start from the checkpoint that the hint names.
    last_checkpoint.map_or(start, |hint| hint.min(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = "region=a/date=2024-03-01/part-4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.parquet";
    const FOREIGN: &str = "region=a/date=2024-03-01/part-00000-4bd0b0a8.c000.snappy.parquet";
    const LEDGER: &str = "_ledger/4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.ids";

    fn ages(older_than_hours: i64) -> Ages {
        let now = Utc::now();
        Ages { now, cutoff: now - TimeDelta::hours(older_than_hours) }
    }

    fn object(path: &str, age_hours: i64, now: DateTime<Utc>) -> ObjectMeta {
        ObjectMeta {
            location: Path::from(path),
            last_modified: now - TimeDelta::hours(age_hours),
            size: 1,
            e_tag: None,
            version: None,
        }
    }

    fn judged(needs: &Needs, path: &str, age_hours: i64, older_than_hours: i64) -> Option<DeletionKind> {
        let ages = ages(older_than_hours);
        needs.judge(&object(path, age_hours, ages.now), ages)
    }

    #[test]
    fn a_live_file_stays_however_old() {
        let live = [DATA, LEDGER].map(Path::from);
        let needs =
            Needs { live: [live[0].clone()].into(), ledger_and_index: [live[1].clone()].into(), ..Needs::default() };
        assert_eq!(judged(&needs, DATA, 10_000, 0), None);
        assert_eq!(judged(&needs, LEDGER, 10_000, 0), None);
    }

    #[test]
    fn a_removed_file_goes_when_the_retention_is_over() {
        for path in [DATA, FOREIGN] {
            let removed = |hours| Needs {
                removed: [(Path::from(path), Utc::now() - TimeDelta::hours(hours))].into(),
                ..Needs::default()
            };
            assert_eq!(judged(&removed(10), path, 10_000, 24), None, "versions within the retention need it");
            assert_eq!(judged(&removed(30), path, 10_000, 24), Some(DeletionKind::Removed));
            assert_eq!(judged(&removed(0), path, 0, -1), Some(DeletionKind::Removed), "its age does not matter");
        }
    }

    #[test]
    fn what_the_log_does_not_name_may_belong_to_a_writer_at_work() {
        let needs = Needs::default();
        assert_eq!(judged(&needs, DATA, 23, 0), None);
        assert_eq!(judged(&needs, DATA, 25, 0), Some(DeletionKind::Orphan));
        assert_eq!(judged(&needs, DATA, 25, 48), None, "an older version may need it");
        assert_eq!(judged(&needs, LEDGER, 23, 0), None);
        assert_eq!(judged(&needs, LEDGER, 25, 48), Some(DeletionKind::Ledger));
    }

    #[test]
    fn other_files_are_none_of_ours() {
        for path in [
            "notes.txt",
            FOREIGN,
            "_rejected/20240301T000000Z-4bd0b0a8/00000.jsonl",
            "_integrity/logs/20240301T000000000Z-4bd0b0a8-00000.parquet",
            "_delta_log/_last_checkpoint",
        ] {
            assert_eq!(judged(&Needs::default(), path, 10_000, 0), None, "{path}");
        }
    }

    fn entry(version: u64, kind: LogEntryKind, age_days: i64, now: DateTime<Utc>) -> LogEntry {
        LogEntry { path: Path::from("x"), version, kind, size_bytes: 1, modified: now - TimeDelta::days(age_days) }
    }

    #[test]
    fn the_log_stays_from_the_checkpoint_before_the_oldest_kept_version() {
        let now = Utc::now();
        let entries: Vec<_> = [10, 20, 30].map(|version| entry(version, LogEntryKind::Checkpoint, 90, now)).into();
        assert_eq!(log_needed_from(&entries, 25, Some(30)), 20);
        assert_eq!(log_needed_from(&entries, 20, None), 20);
        assert_eq!(log_needed_from(&entries, 9, Some(30)), 0);
        assert_eq!(log_needed_from(&entries, 30, Some(10)), 10);
    }

    #[test]
    fn only_old_files_of_the_log_go() {
        let ages = ages(7 * 24);
        let needs = Needs { log_from: 20, ..Needs::default() };
        let judged =
            |version, age_days| needs.judge_log(&entry(version, LogEntryKind::Commit, age_days, ages.now), ages);
        assert_eq!(judged(19, 31), Some(DeletionKind::Log));
        assert_eq!(judged(20, 31), None);
        assert_eq!(judged(19, 29), None, "the history stays readable for a month");
    }
}
