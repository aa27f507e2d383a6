//! A whole validation: all areas of a source, some at a time, and one account of them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc};
use tokio::task::JoinError;

use crate::area::{Area, Digests};
use crate::coverage::{Coverage, report_unmentioned};
use crate::error::IntegrityError;
use crate::evidence::{Exporter, Manifest};
use crate::finding::{Chain, Finding};
use crate::gunzip::Gunzip;
use crate::keys::KeyRing;
use crate::logs::{LogChecks, Mention, place_id};
use crate::options::{Progress, ValidateOptions};
use crate::report::Report;
use crate::source::Source;
use crate::walk::Walk;

/// Accounts and regions at a time.
const AREAS: usize = 8;

/// Log files at a time; most of them wait for the network.
const LOGS: usize = 64;

/// Packed log files in memory.
const MEMORY_BYTES: usize = 128 << 20;

/// Unit in which memory is reserved.
const MEMORY_UNIT_BYTES: u64 = 4 << 10;

/// Findings that may wait to be taken down.
const FINDINGS_AHEAD: usize = 1024;

/// What the parts of a validation share.
pub(crate) struct Run {
    pub(crate) source: Arc<Source>,
    pub(crate) options: ValidateOptions,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) exporter: Option<Exporter>,
    /// Reads no log file, and tells what digests say about them.
    pub(crate) only_mentions: bool,
    messages: mpsc::Sender<Message>,
    logs: Arc<Semaphore>,
    memory: Semaphore,
    cores: Semaphore,
    unpackers: Mutex<Vec<Gunzip>>,
    export_error: Mutex<Option<IntegrityError>>,
}

/// What a run tells of, as it goes.
pub(crate) enum Message {
    Found(Finding),
    Mentioned(Mention),
    Covered { chain: Arc<Chain>, start: DateTime<Utc>, end: DateTime<Utc> },
}

/// Validates what CloudTrail delivered to `source`, and hands every finding, valid files included, to `observe`.
///
/// Fails only where nothing can be said: what is wrong with files and digests is in the report.
pub async fn validate(
    source: Arc<Source>,
    options: ValidateOptions,
    keys: Arc<KeyRing>,
    progress: Arc<Progress>,
    mut observe: impl FnMut(&Finding),
) -> Result<Report, IntegrityError> {
    let mut report = Report { since: options.filters.since, until: options.filters.until, ..Report::default() };
    let source_name = source.name.clone();
    let tell = |message| match message {
        Message::Found(finding) => {
            observe(&finding);
            report.record(finding);
        }
        Message::Covered { chain, start, end } => report.cover(&chain, start, end),
        // Log files are checked here.
        Message::Mentioned(_) => {}
    };
    walk(source, options, keys, progress, false, tell).await?;
    if report.chains.is_empty() {
        return Err(IntegrityError::NothingToCheck { source_name });
    }
    report.sort();
    Ok(report)
}

/// Walks all chains of `source`, and hands everything that is found to `tell`.
pub(crate) async fn walk(
    source: Arc<Source>,
    options: ValidateOptions,
    keys: Arc<KeyRing>,
    progress: Arc<Progress>,
    only_mentions: bool,
    mut tell: impl FnMut(Message),
) -> Result<(), IntegrityError> {
    let areas = Area::find(&source, &options.filters).await?;
    let (messages, mut received) = mpsc::channel(FINDINGS_AHEAD);
    let mut run = Run::new(source, options, keys, progress, messages)?;
    run.only_mentions = only_mentions;
    // Takes the only sender along, so that the last message is followed by the end.
    let work = tokio::spawn(Arc::new(run).check_areas(areas));
    while let Some(message) = received.recv().await {
        tell(message);
    }
    work.await?
}

impl Run {
    fn new(
        source: Arc<Source>,
        options: ValidateOptions,
        keys: Arc<KeyRing>,
        progress: Arc<Progress>,
        messages: mpsc::Sender<Message>,
    ) -> Result<Self, IntegrityError> {
        let exporter = options.export.as_deref().map(Exporter::create).transpose()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            source,
            options,
            keys,
            progress,
            exporter,
            only_mentions: false,
            messages,
            logs: Arc::new(Semaphore::new(LOGS)),
            memory: Semaphore::new(MEMORY_BYTES / MEMORY_UNIT_BYTES as usize),
            cores: Semaphore::new(cores),
            unpackers: Mutex::default(),
            export_error: Mutex::default(),
        })
    }

    async fn check_areas(self: Arc<Self>, areas: Vec<Area>) -> Result<(), IntegrityError> {
        let checks = stream::iter(areas).map(|area| {
            let run = Arc::clone(&self);
            async move { tokio::spawn(async move { run.check_area(&area).await }).await? }
        });
        checks.buffer_unordered(AREAS).try_collect::<()>().await?;
        if let Some(error) = self.export_error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        if let Some(exporter) = &self.exporter {
            let filters = &self.options.filters;
            let manifest = Manifest::new(&self.source.name, filters.since, filters.until);
            exporter.finish(&manifest, &self.keys.keys())?;
        }
        if let Some(proved) = &self.options.proved {
            proved.save()?;
        }
        Ok(())
    }

    async fn check_area(self: &Arc<Self>, area: &Area) -> Result<(), IntegrityError> {
        let Digests { keys, metadata } = area.digests(&self.options.filters).await?;
        self.progress.digests_total.fetch_add(keys.len() as u64, Ordering::Relaxed);
        let mut logs = LogChecks::default();
        if self.options.proved.is_some() {
            self.note_identities(area, &mut logs).await?;
        }
        // By name, and of one name the backfill chain last, as the AWS CLI does.
        let mut chains: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for key in keys {
            chains.entry((key.trail.clone(), key.home_region.clone(), key.is_backfill)).or_default().push(key);
        }
        let mut windows = Vec::new();
        for ((trail, home_region, _), keys) in chains {
            let chain = area.chain(&trail, &home_region);
            windows.extend(Walk::new(self, area, chain, keys, metadata, &mut logs).walk().await?);
        }
        logs.finish().await?;
        if self.options.filters.trails.is_empty() {
            report_unmentioned(self, area, &logs.mentioned, &Coverage::new(windows, self.options.filters.until))
                .await?;
        }
        Ok(())
    }

    async fn note_identities(&self, area: &Area, logs: &mut LogChecks) -> Result<(), IntegrityError> {
        let identities = &mut logs.identities;
        let note = |log: crate::area::LogFile| {
            if let Some(identity) = log.object.identity {
                identities.insert(place_id(area.bucket.name(), &log.object.key), identity.into());
            }
            std::future::ready(())
        };
        area.for_each_log(&self.options.filters, note).await
    }

    /// Sends a finding to whoever takes them down.
    pub(crate) async fn report(&self, finding: Finding) {
        self.send(Message::Found(finding)).await;
    }

    /// Tells what a digest says about a log file.
    pub(crate) async fn mention(&self, mention: Mention) {
        self.send(Message::Mentioned(mention)).await;
    }

    /// Notes a time that a valid digest covers.
    pub(crate) async fn cover(&self, chain: &Arc<Chain>, start: DateTime<Utc>, end: DateTime<Utc>) {
        self.send(Message::Covered { chain: Arc::clone(chain), start, end }).await;
    }

    async fn send(&self, message: Message) {
        // Nobody listens only when the caller has gone away, and then nobody cares.
        let _ = self.messages.send(message).await;
    }

    /// Waits until another log file may begin.
    pub(crate) async fn begin_log(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.logs).acquire_owned().await.ok()
    }

    /// Waits for room for that many bytes.
    pub(crate) async fn reserve(&self, bytes: u64) -> Option<SemaphorePermit<'_>> {
        let units = bytes.div_ceil(MEMORY_UNIT_BYTES).min(MEMORY_BYTES as u64 / MEMORY_UNIT_BYTES);
        self.memory.acquire_many(u32::try_from(units).unwrap_or(1)).await.ok()
    }

    /// Does `work` on a thread of its own; no more of them than there are cores.
    pub(crate) async fn compute<T: Send + 'static>(&self, work: impl FnOnce(&mut Gunzip) -> T + Send + 'static) -> T {
        let _core = self.cores.acquire().await;
        let pooled = self.unpackers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let work = move || {
            let mut gunzip = pooled.unwrap_or_else(Gunzip::new);
            (work(&mut gunzip), gunzip)
        };
        let (result, gunzip) = outcome(tokio::task::spawn_blocking(work).await).await;
        self.unpackers.lock().unwrap_or_else(PoisonError::into_inner).push(gunzip);
        result
    }

    /// Remembers the first thing that went wrong with an export.
    pub(crate) fn note_export<T>(&self, result: Result<T, IntegrityError>) -> Option<T> {
        match result {
            Ok(done) => Some(done),
            Err(error) => {
                self.export_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                None
            }
        }
    }
}

/// What a task came to; its panic goes on here.
pub(crate) async fn outcome<T>(ended: Result<T, JoinError>) -> T {
    match ended {
        Ok(result) => result,
        Err(died) => match died.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down, and whoever waits here with it.
            Err(_) => std::future::pending().await,
        },
    }
}
