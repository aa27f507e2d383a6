//! The closing account of a run.

use std::time::{Duration, SystemTime};

use serde::Serialize;

/// What a run read, and what became of it: `read = kept + duplicates + filtered + rejected`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// URL of the lake.
    pub lake: String,
    /// Version of the lake after the run; `None` before its first commit.
    pub version: Option<u64>,
    /// Files by what became of them.
    pub files: FileCounts,
    /// Records found in the files that were read.
    pub read: u64,
    /// Events that became rows.
    pub kept: u64,
    /// Events that the lake, or an earlier file of this run, had already.
    pub duplicates: u64,
    /// Events that the filters left out, and expired ones.
    pub filtered: u64,
    /// Among the filtered: events older than what the lake keeps.
    pub expired: u64,
    /// Records that are no events, and conflicts.
    pub rejected: u64,
    /// Among the rejected: events whose ID is in the lake with another content.
    pub conflicts: u64,
    /// Among the kept: events whose time could not be read.
    pub untimed: u64,
    /// Bytes of the files read, as stored.
    pub bytes_read: u64,
    /// Bytes of the Parquet files written.
    pub bytes_written: u64,
    /// Commits made.
    pub commits: u64,
    /// Of a run that takes only proved log files: what digests said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Verified>,
    /// Files that could not be read, or not to their end.
    pub failed: Vec<FailedFile>,
    /// Folder of the lake with the rejected records, if there are any.
    pub rejected_folder: Option<String>,
    /// The run was asked to stop before its end.
    pub interrupted: bool,
    /// Nothing was written.
    pub dry_run: bool,
    /// From the delivery of the files read to the commit of their events.
    pub latency: Latency,
    /// Duration of the run.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
}

/// How long after its delivery a file's events could be queried.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Latency {
    /// Mean over the files.
    #[serde(rename = "mean_seconds")]
    pub mean: f64,
    /// Longest.
    #[serde(rename = "longest_seconds")]
    pub longest: f64,
    #[serde(skip)]
    files: u64,
}

impl Latency {
    /// Takes in a file that was delivered at `delivered` and committed just now.
    pub(crate) fn add(&mut self, delivered: Option<SystemTime>) {
        let Some(latency) = delivered.and_then(|time| time.elapsed().ok()) else { return };
        let seconds = latency.as_secs_f64();
        self.files += 1;
        self.mean += (seconds - self.mean) / self.files as f64;
        self.longest = self.longest.max(seconds);
    }
}

/// Files by what became of them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FileCounts {
    /// Files at the source.
    pub found: u64,
    /// Files that the lake has already.
    pub known: u64,
    /// Files read to their end.
    pub read: u64,
    /// Digest files, left for validation.
    pub digests: u64,
    /// Files whose place says that no event in them can pass the filters, or is young enough for the lake.
    pub out_of_range: u64,
    /// Files that the caller left for another run.
    pub put_off: u64,
    /// Files that no digest proves, left for another run; why is in [`Verified`].
    pub left_out: u64,
    /// Files that could not be read, or not to their end, or are not what their digest says.
    pub failed: u64,
    /// Files without the name of a log file.
    pub ignored: u64,
}

/// What digests said about the log files of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verified {
    /// Log files that were proved.
    pub proved: u64,
    /// Log files whose digest has not been delivered; a later run takes them.
    pub awaiting_digest: u64,
    /// Log files that no digest mentions, though valid digests cover their time.
    pub not_mentioned: u64,
    /// Log files that nothing proves or disproves.
    pub not_checked: u64,
    /// Digests that are valid.
    pub digests_valid: u64,
    /// Digests that are altered or missing, or could not be checked.
    pub digests_not_valid: u64,
    /// Everything that was found about log files left out and about digests, but for those that wait.
    pub findings: Vec<FailedFile>,
}

/// A file that could not be read, or not to its end; the next run tries again.
#[derive(Debug, Clone, Serialize)]
pub struct FailedFile {
    /// The file.
    pub file: String,
    /// Why.
    pub reason: String,
}

impl Summary {
    /// Whether everything at the source was taken, filtered, known, or waits for its digest, and nothing was put aside.
    pub fn is_clean(&self) -> bool {
        let is_proved = self.verified.as_ref().is_none_or(|verified| verified.findings.is_empty());
        self.rejected == 0 && self.failed.is_empty() && is_proved
    }
}

fn seconds<S: serde::Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((elapsed.as_secs_f64() * 1000.0).round() / 1000.0)
}
