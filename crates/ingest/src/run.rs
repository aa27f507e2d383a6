//! The ingest itself: reading ahead on all cores, one batch at a time into the lake.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;
use trailql_integrity::Verdict;
use trailql_lake::{Lake, LakeError, Ledger, LedgerDelta, NewFile, ObjectEntry, ObjectKey, PendingCommit, ProofRun};
use trailql_source::{LogFile, OpenFile, ReadAhead, list};
use trailql_store::Stores;

use crate::account::{FailedFile, Summary};
use crate::against_lake::{drop_unwanted, known_files};
use crate::batch::{Batch, Fate, Partition, RowId};
use crate::decode::Workers;
use crate::dedup::dedup;
use crate::error::IngestError;
use crate::filter::EventFilter;
use crate::options::{IngestOptions, Progress};
use crate::partition_file::{delete_files, encode_file, put_file};
use crate::plan::{Plan, listing_scope};
use crate::proof::Proofs;
use crate::rejected::RejectedFolder;

/// Log files of a commit at the most, whatever their size.
const BATCH_FILES: usize = 20_000;

/// Files sent to the lake's store at once.
const PUTS_IN_FLIGHT: usize = 16;

/// Commits lost to other writers before giving up.
const MAX_ATTEMPTS: usize = 100;

/// Units that are opened ahead of those that are being decoded, so that there is something to fetch all the time.
const UNITS_AHEAD: usize = 64;

/// Ingests the sources into the lake at `location`, which is created if need be.
///
/// Returns the account even if single files failed or records were rejected; see [`Summary::is_clean`]. Fails only where
/// going on makes no sense: no such source, the lake cannot be written. Whatever was committed before stays.
pub async fn ingest(
    stores: &Stores,
    location: &str,
    options: &IngestOptions,
    progress: Arc<Progress>,
) -> Result<Summary, IngestError> {
    let start = Instant::now();
    let filter = EventFilter::try_new(&options.filters)?;
    let listing = list(stores, &options.sources, &listing_scope(options)).await?;
    let mut lake = match (options.dry_run, Lake::open(stores, location).await) {
        (_, Ok(lake)) => Some(lake),
        (true, Err(LakeError::NotFound { .. })) => None,
        (true, Err(error)) => return Err(error.into()),
        (false, Err(_)) => Some(Lake::open_or_create(stores, location).await?),
    };
    let (known, floor) = match &mut lake {
        Some(lake) => (known_files(lake).await?, lake.retention_floor().await?),
        None => Default::default(),
    };
    let mut plan = Plan::new(listing, &known, options, floor);
    drop(known);
    let proofs = match &options.verify {
        Some(verify) => Some(Arc::new(Proofs::settle(stores, verify, &options.sources, &mut plan).await?)),
        None => None,
    };
    let (files, bytes) = plan.size();
    progress.files_total.store(files, Ordering::Relaxed);
    progress.bytes_total.store(bytes, Ordering::Relaxed);

    let mut writer = BatchWriter::new(lake, options, proofs.clone())?;
    writer.summary.files = plan.counts;
    writer.note_failures(plan.failed).await?;
    let (sender, receiver) = mpsc::channel(1);
    let workers = Arc::new(Workers::new(proofs));
    let reading = read_batches(plan.units, workers, filter, options.batch_bytes, Arc::clone(&progress), sender);
    let (reading, writing) = tokio::join!(reading, writer.write_batches(receiver));
    writing?;
    reading?;
    let mut summary = writer.finish(location);
    summary.interrupted = progress.is_stopped();
    summary.elapsed = start.elapsed();
    Ok(summary)
}

/// Decodes units on all cores and sends them on as batches, in the order of the plan.
async fn read_batches(
    units: Vec<Vec<LogFile>>,
    workers: Arc<Workers>,
    filter: EventFilter,
    batch_bytes: u64,
    progress: Arc<Progress>,
    sender: mpsc::Sender<Batch>,
) -> Result<(), IngestError> {
    let filter = Arc::new(filter);
    let ahead = ReadAhead::new();
    let open = |unit: Vec<LogFile>| unit.into_iter().map(|file| ahead.open(file)).collect();
    let start = |unit: Vec<OpenFile>| {
        let (parts_in, parts) = mpsc::channel(1);
        let (workers, filter, progress) = (Arc::clone(&workers), Arc::clone(&filter), Arc::clone(&progress));
        let work = move || {
            // Nobody waits for the part only if the ingest has failed already.
            let mut emit = |part| drop(parts_in.blocking_send(part));
            workers.decode(unit, &filter, &progress, &mut emit)
        };
        (parts, tokio::task::spawn_blocking(work))
    };
    let mut units = units.into_iter().map(open);
    let mut opened: VecDeque<Vec<OpenFile>> = units.by_ref().take(UNITS_AHEAD + cores() + 1).collect();
    let mut running: VecDeque<_> = opened.drain(..opened.len().min(cores() + 1)).map(start).collect();
    let mut batch = Batch::default();
    while let Some((mut parts, work)) = running.pop_front() {
        while let Some(part) = parts.recv().await {
            batch.add(part);
            let is_full = batch.json_bytes() >= batch_bytes || batch.file_count() >= BATCH_FILES;
            // The writer ends early only with an error of its own, which is the one to report.
            if is_full && sender.send(std::mem::take(&mut batch)).await.is_err() {
                return Ok(());
            }
        }
        work.await??;
        if !progress.is_stopped() {
            opened.extend(units.next());
            running.extend(opened.pop_front().map(start));
        }
    }
    if !batch.is_empty() {
        let _ = sender.send(batch).await;
    }
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Takes batches into the lake, one commit each, and keeps the account.
struct BatchWriter {
    lake: Option<Lake>,
    dry_run: bool,
    filter_identity: String,
    rejected: RejectedFolder,
    summary: Summary,
    proofs: Option<Arc<Proofs>>,
    /// What was proved and is not written yet.
    records: ProofRun,
    /// Counts of files whose last part has not come yet.
    open_files: HashMap<ObjectKey, ObjectEntry>,
    /// Event IDs met by a dry run, which has no ledger to put them into.
    dry_ids: HashSet<u64>,
}

impl BatchWriter {
    fn new(lake: Option<Lake>, options: &IngestOptions, proofs: Option<Arc<Proofs>>) -> Result<Self, IngestError> {
        let mut records = ProofRun::new("ingest");
        let (logs, digests) = proofs.as_deref().map(Proofs::records).unwrap_or_default();
        logs.into_iter().try_for_each(|log| records.add_log(log))?;
        digests.into_iter().try_for_each(|digest| records.add_digest(digest))?;
        let verified = proofs.as_deref().map(Proofs::account);
        Ok(Self {
            lake,
            dry_run: options.dry_run,
            filter_identity: options.filters.identity(),
            rejected: RejectedFolder::new(),
            summary: Summary { dry_run: options.dry_run, verified, ..Summary::default() },
            proofs,
            records,
            open_files: HashMap::new(),
            dry_ids: HashSet::new(),
        })
    }

    async fn write_batches(&mut self, mut batches: mpsc::Receiver<Batch>) -> Result<(), IngestError> {
        while let Some(mut batch) = batches.recv().await {
            self.note_proofs(&batch)?;
            if self.dry_run {
                self.count_only(&mut batch).await?;
            } else {
                batch = self.write(batch).await?;
            }
            self.account(batch).await?;
        }
        self.write_proofs().await
    }

    /// Notes which files of a batch are what their digest says.
    fn note_proofs(&mut self, batch: &Batch) -> Result<(), IngestError> {
        let Some(proofs) = &self.proofs else { return Ok(()) };
        for file in &batch.files {
            let Some(verdict) = &file.proof else { continue };
            if let Some(record) = proofs.record(&file.entry.url, file.entry.key, verdict) {
                self.records.add_log(record)?;
            }
            if let Some(verified) = self.summary.verified.as_mut().filter(|_| *verdict == Verdict::Valid) {
                verified.proved += 1;
            }
        }
        Ok(())
    }

    /// Writes what was noted: ahead of the commit of the events, so that none of them waits for its proof.
    async fn write_proofs(&mut self) -> Result<(), IngestError> {
        match &self.lake {
            Some(lake) if !self.dry_run => Ok(self.records.write(lake).await?),
            _ => Ok(()),
        }
    }

    /// Makes one commit of `batch`; however often other writers come first, every event ends up there once.
    async fn write(&mut self, batch: Batch) -> Result<Batch, IngestError> {
        self.write_proofs().await?;
        let Some(mut lake) = self.lake.take() else { return Ok(batch) };
        let mut batch = batch;
        drop_unwanted(&mut batch, &mut lake, None).await?;
        let mut batch = Arc::new(batch);
        let mut files = self.write_files(&lake, &batch).await?;
        for _ in 0..MAX_ATTEMPTS {
            let pending = self.pending(&mut batch, files);
            if pending.files.is_empty() && pending.ledger.objects.is_empty() {
                self.lake = Some(lake);
                return Ok(unwrap(batch));
            }
            let before: Arc<Ledger> = lake.ledger();
            match lake.commit(&pending).await {
                Ok(version) => {
                    self.summary.version = Some(version);
                    self.summary.commits += 1;
                    self.summary.bytes_written += pending.files.iter().map(|file| file.size_bytes).sum::<u64>();
                    self.lake = Some(lake);
                    return Ok(unwrap(batch));
                }
                Err(LakeError::Conflict { version }) => {
                    tracing::info!(version, "another writer committed first; looking for its duplicates");
                    lake.refresh().await?;
                    files = pending.files;
                    let mut owned = unwrap(batch);
                    let changed = drop_unwanted(&mut owned, &mut lake, Some(&before)).await?;
                    batch = Arc::new(owned);
                    if changed > 0 {
                        delete_files(&lake.store(), &files).await;
                        files = self.write_files(&lake, &batch).await?;
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(IngestError::Contention { attempts: MAX_ATTEMPTS })
    }

    /// Writes one Parquet file for each partition: encoded on all cores, and sent while others are encoded.
    async fn write_files(&self, lake: &Lake, batch: &Arc<Batch>) -> Result<Vec<NewFile>, IngestError> {
        let encode = |(partition, rows): (Partition, Vec<RowId>)| encode_file(Arc::clone(batch), partition, rows);
        let put = |(file, bytes): (NewFile, Bytes)| put_file(lake.store(), file, bytes);
        let mut partitions: Vec<_> = batch.partitions().into_iter().collect();
        // The largest first, so that no core is left with it at the end.
        partitions.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
        let encoded = stream::iter(partitions).map(encode).buffer_unordered(cores());
        encoded.map_ok(put).try_buffer_unordered(PUTS_IN_FLIGHT).try_collect().await
    }

    /// What the commit of `batch` says; files that were not read to their end stay out of the ledger.
    fn pending(&self, batch: &mut Arc<Batch>, files: Vec<NewFile>) -> PendingCommit {
        if let Some(batch) = Arc::get_mut(batch) {
            batch.settle_files();
        }
        let mut ledger = LedgerDelta::default();
        for file in batch.files.iter().filter(|file| file.is_complete && file.failure.is_none()) {
            if file.account.is_digest {
                continue;
            }
            let mut entry = file.entry.clone();
            if let Some(earlier) = self.open_files.get(&entry.key) {
                entry.add(earlier);
            }
            if entry.filtered > 0 {
                entry.filter.clone_from(&self.filter_identity);
            }
            ledger.objects.push(entry);
        }
        ledger.keys = batch.kept_rows().map(|row| batch.key(row)).collect();
        let sum = |count: fn(&ObjectEntry) -> u64| batch.files.iter().map(|file| count(&file.entry)).sum();
        let metrics = vec![
            ("read", sum(|entry| entry.read)),
            ("kept", sum(|entry| entry.kept)),
            ("duplicates", sum(|entry| entry.duplicates)),
            ("filtered", sum(|entry| entry.filtered)),
            ("expired", batch.rows_with(Fate::Expired).count() as u64),
            ("rejected", sum(|entry| entry.rejected)),
            ("logFiles", ledger.objects.len() as u64),
        ];
        PendingCommit { files, ledger, metrics }
    }

    /// Finds out what a commit would hold.
    async fn count_only(&mut self, batch: &mut Batch) -> Result<(), IngestError> {
        match &mut self.lake {
            Some(lake) => drop_unwanted(batch, lake, None).await?,
            None => dedup(batch, None, None).await?,
        };
        for row in batch.kept_rows().collect::<Vec<_>>() {
            if !self.dry_ids.insert(batch.key(row).id) {
                batch.set_fate(row, Fate::Duplicate);
            }
        }
        batch.settle_files();
        Ok(())
    }

    /// Adds a finished batch to the account and puts aside what was rejected.
    async fn account(&mut self, mut batch: Batch) -> Result<(), IngestError> {
        batch.settle_files();
        let conflicts = batch.rows_with(Fate::Conflict).count() as u64;
        let expired = batch.rows_with(Fate::Expired).count() as u64;
        if let (Some(lake), false) = (&self.lake, self.dry_run) {
            self.rejected.keep(lake, &batch).await?;
        }
        let summary = &mut self.summary;
        summary.conflicts += conflicts;
        summary.expired += expired;
        let mut failed = Vec::new();
        for file in batch.files {
            let entry = file.entry;
            summary.read += entry.read;
            summary.kept += entry.kept;
            summary.duplicates += entry.duplicates;
            summary.filtered += entry.filtered;
            summary.rejected += entry.rejected;
            summary.untimed += file.account.untimed;
            if !file.is_complete {
                self.open_files.entry(entry.key).or_default().add(&entry);
                continue;
            }
            self.open_files.remove(&entry.key);
            summary.bytes_read += entry.size_bytes;
            summary.latency.add(file.modified);
            match file.failure {
                Some(failure) => failed.push(failure),
                None if file.account.is_digest => summary.files.digests += 1,
                None => summary.files.read += 1,
            }
        }
        self.note_failures(failed).await
    }

    async fn note_failures(&mut self, failed: Vec<FailedFile>) -> Result<(), IngestError> {
        if let (Some(lake), false) = (&self.lake, self.dry_run) {
            self.rejected.keep_files(lake, &failed).await?;
        }
        self.summary.files.failed += failed.len() as u64;
        self.summary.failed.extend(failed);
        Ok(())
    }

    fn finish(self, location: &str) -> Summary {
        let mut summary = self.summary;
        summary.rejected_folder = self.rejected.path();
        summary.lake = location.to_owned();
        if let Some(lake) = self.lake {
            summary.lake = lake.url().to_string();
            summary.version = Some(lake.snapshot().version);
        }
        summary
    }
}

/// The batch that every task is done with.
fn unwrap(batch: Arc<Batch>) -> Batch {
    Arc::into_inner(batch).expect("tasks that write a batch have ended when their results are here")
}
