//! Compaction: the small files of a partition become few large ones, in the same order and with the same statistics.
//!
//! Which files to merge is decided in `plan`, how it is done in `merge`, and how it becomes visible in `commit`.

mod commit;
mod encode;
mod input;
mod merge;
mod order;
mod plan;
mod window;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use trailql_lake::{DataFile, Lake};

use self::commit::{Merged, commit};
use self::merge::Merger;
use self::plan::{Compaction, plan};
use crate::error::UpkeepError;
use crate::progress::Progress;

/// Bytes of a merged file unless asked otherwise.
///
/// Large enough that its footer, some 20 kB for each 130,000 events, is nothing beside it, and that a busy day of one
/// region (some 1.4 M events) is one file; small enough to be merged in memory, compressed, and to leave several files
/// for the cores of a query over larger partitions.
pub const DEFAULT_TARGET_BYTES: u64 = 128 << 20;

/// Passes over the lake at the most. Merged files may be worth merging again, once or twice; more is only found where
/// an ingest keeps adding files, and then there would be no end.
const MAX_PASSES: usize = 8;

/// Merged bytes of a commit: enough that commits cost little, few enough that little is lost with a crash or to another
/// writer.
const COMMIT_BYTES: u64 = 256 << 20;

/// Compactions of one commit at the most.
const COMMIT_COMPACTIONS: usize = 256;

/// How to compact.
#[derive(Debug, Clone)]
pub struct OptimizeOptions {
    /// Size of the files to be made.
    pub target_bytes: u64,
    /// Plan only: write nothing, commit nothing.
    pub dry_run: bool,
}

impl Default for OptimizeOptions {
    fn default() -> Self {
        Self { target_bytes: DEFAULT_TARGET_BYTES, dry_run: false }
    }
}

/// What a compaction did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct OptimizeSummary {
    /// Version of the lake after it.
    pub version: u64,
    /// Partitions with merged files.
    pub partitions: u64,
    /// Files merged.
    pub files_removed: u64,
    /// Files made of them.
    pub files_added: u64,
    /// Bytes of the files merged.
    pub bytes_removed: u64,
    /// Bytes of the files made.
    pub bytes_added: u64,
    /// Events in the files made.
    pub events: u64,
    /// Commits made.
    pub commits: u64,
    /// Merged files that were thrown away, since another writer merged or expired the same files first.
    pub superseded: u64,
    /// Files that could not be merged; they are as they were.
    pub failed: Vec<FailedCompaction>,
    /// The run was asked to stop before its end.
    pub interrupted: bool,
    /// Nothing was written; the counts of removed files say what would be.
    pub dry_run: bool,
    /// Duration of the run.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
}

/// Files that could not be merged.
#[derive(Debug, Clone, Serialize)]
pub struct FailedCompaction {
    /// Their partition.
    pub partition: String,
    /// Why.
    pub reason: String,
}

/// Merges small data files of the lake; a second run finds nothing to do.
///
/// Safe beside ingests, queries and other compactions. Killed at any moment, it leaves a lake with the same rows, and
/// perhaps files that nobody names, which [`vacuum`](crate::vacuum()) deletes.
pub async fn optimize(
    lake: &mut Lake,
    options: &OptimizeOptions,
    progress: &Arc<Progress>,
) -> Result<OptimizeSummary, UpkeepError> {
    let start = Instant::now();
    lake.refresh().await?;
    let mut run = Run { options, progress, summary: OptimizeSummary::default(), partitions: HashSet::new() };
    let mut given_up: BTreeMap<String, String> = BTreeMap::new();
    for _ in 0..MAX_PASSES {
        let mut compactions = plan(&lake.snapshot(), options.target_bytes);
        compactions.retain(|compaction| !given_up.contains_key(&compaction.partition()));
        if compactions.is_empty() || progress.is_stopped() {
            break;
        }
        if options.dry_run {
            run.count(&compactions);
            break;
        }
        run.pass(lake, compactions, &mut given_up).await?;
    }
    let failed = given_up.into_iter().map(|(partition, reason)| FailedCompaction { partition, reason });
    Ok(OptimizeSummary {
        version: lake.snapshot().version,
        partitions: run.partitions.len() as u64,
        failed: failed.collect(),
        interrupted: progress.is_stopped(),
        dry_run: options.dry_run,
        elapsed: start.elapsed(),
        ..run.summary
    })
}

/// The passes of one run.
struct Run<'a> {
    options: &'a OptimizeOptions,
    progress: &'a Arc<Progress>,
    summary: OptimizeSummary,
    partitions: HashSet<String>,
}

impl Run<'_> {
    /// Merges and commits; a partition whose files cannot be merged is noted in `given_up`.
    async fn pass(
        &mut self,
        lake: &mut Lake,
        compactions: Vec<Compaction>,
        given_up: &mut BTreeMap<String, String>,
    ) -> Result<(), UpkeepError> {
        let bytes = compactions.iter().map(Compaction::size_bytes).sum();
        self.progress.bytes_total.fetch_add(bytes, Ordering::Relaxed);
        let merger = Arc::new(Merger::new(lake.store()));
        let mut results = std::pin::pin!(merges(merger, compactions, Arc::clone(self.progress)));
        let mut merged: Vec<Merged> = Vec::new();
        while let Some((compaction, result)) = results.next().await {
            match result {
                Ok(file) => merged.push(Merged { compaction, file }),
                Err(error) => self.note_failure(lake, &compaction, &error, given_up).await?,
            }
            let bytes: u64 = merged.iter().map(|merged| merged.compaction.size_bytes()).sum();
            if bytes >= COMMIT_BYTES || merged.len() >= COMMIT_COMPACTIONS {
                self.commit(lake, std::mem::take(&mut merged)).await?;
            }
        }
        self.commit(lake, merged).await
    }

    async fn commit(&mut self, lake: &mut Lake, merged: Vec<Merged>) -> Result<(), UpkeepError> {
        let outcome = commit(lake, merged, self.options.target_bytes).await?;
        self.summary.superseded += outcome.superseded as u64;
        self.summary.commits += u64::from(!outcome.done.is_empty());
        for Merged { compaction, file } in &outcome.done {
            self.count(std::slice::from_ref(compaction));
            self.summary.files_added += 1;
            self.summary.bytes_added += file.size_bytes;
        }
        Ok(())
    }

    fn count(&mut self, compactions: &[Compaction]) {
        for compaction in compactions {
            self.partitions.insert(compaction.partition());
            self.summary.files_removed += compaction.files.len() as u64;
            self.summary.bytes_removed += compaction.size_bytes();
            self.summary.events += compaction.row_count();
        }
    }

    /// Gives a partition up, unless another writer has changed its files meanwhile: then the next pass plans it anew.
    async fn note_failure(
        &mut self,
        lake: &mut Lake,
        compaction: &Compaction,
        error: &UpkeepError,
        given_up: &mut BTreeMap<String, String>,
    ) -> Result<(), UpkeepError> {
        lake.refresh().await?;
        let snapshot = lake.snapshot();
        let live: HashSet<_> = snapshot.files.iter().map(|file| &file.path).collect();
        if compaction.files.iter().all(|file: &DataFile| live.contains(&file.path)) {
            given_up.insert(compaction.partition(), with_causes(error));
        } else {
            self.summary.superseded += 1;
        }
        Ok(())
    }
}

/// Merges on all cores, until asked to stop; each result comes when it is ready.
fn merges(
    merger: Arc<Merger>,
    compactions: Vec<Compaction>,
    progress: Arc<Progress>,
) -> impl Stream<Item = (Compaction, Result<trailql_lake::NewFile, UpkeepError>)> {
    let in_flight = merger.compactions_in_flight();
    let stop = Arc::clone(&progress);
    stream::iter(compactions)
        .take_while(move |_| std::future::ready(!stop.is_stopped()))
        .map(move |compaction| {
            let compaction = Arc::new(compaction);
            let (merger, progress, input) = (Arc::clone(&merger), Arc::clone(&progress), Arc::clone(&compaction));
            // A task of its own, so that it goes on while a commit is written.
            let task = tokio::spawn(async move {
                let result = merger.merge(&input).await;
                progress.bytes.fetch_add(input.size_bytes(), Ordering::Relaxed);
                progress.files.fetch_add(input.files.len() as u64, Ordering::Relaxed);
                result
            });
            async move {
                let result = task.await.unwrap_or_else(|error| Err(error.into()));
                (Arc::unwrap_or_clone(compaction), result)
            }
        })
        .buffer_unordered(in_flight)
}

/// An error with its causes, in one line.
fn with_causes(error: &UpkeepError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn seconds<S: serde::Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((elapsed.as_secs_f64() * 1000.0).round() / 1000.0)
}
