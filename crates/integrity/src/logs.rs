//! The log files that digests mention: read, unpacked, hashed, compared; many at a time, in bounded memory.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufReader, Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Buf, Bytes};
use futures::StreamExt;
use object_store::GetResult;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::digest::LogEntry;
use crate::error::IntegrityError;
use crate::finding::{Chain, DigestInfo, Finding, ObjectVersion, Subject};
use crate::gunzip::{Gunzip, GunzipError, Sha256, sha256, sha256_of_stream};
use crate::load::store_verdict;
use crate::run::Run;
use crate::verdict::Verdict;

/// Larger objects, as stored, are hashed while they are read.
const WHOLE_BYTES: u64 = 16 << 20;

/// Pieces of a large object that may wait to be unpacked.
const PIECES_AHEAD: usize = 4;

const HASH_ALGORITHM: &str = "SHA-256";

/// Stands for a place in S3; long enough for nobody to find two places of one.
pub(crate) type PlaceId = [u8; 16];

pub(crate) fn place_id(bucket: &str, key: &str) -> PlaceId {
    let mut id = PlaceId::default();
    id.copy_from_slice(&sha256(format!("{bucket}/{key}").as_bytes())[..16]);
    id
}

/// The log files of one area, as its digests mention them.
#[derive(Default)]
pub(crate) struct LogChecks {
    /// Where valid digests, and such as nothing is known against, say that log files are.
    pub(crate) mentioned: HashSet<PlaceId>,
    /// What was listed, where it matters for what was proved before.
    pub(crate) identities: HashMap<PlaceId, Arc<str>>,
    tasks: JoinSet<()>,
}

/// One log file to be checked.
struct Check {
    run: Arc<Run>,
    chain: Arc<Chain>,
    digest: Arc<DigestInfo>,
    entry: LogEntry,
    identity: Option<Arc<str>>,
    /// Whether its digest is valid, so that a right hash proves something.
    is_proof: bool,
}

/// Hash of a file that could be read, or what is wrong with it.
type Unpacked = Result<Sha256, GunzipError>;

impl LogChecks {
    /// Has the log files of one digest checked; returns when the last of them has begun. Of a run that only looks up what
    /// digests say, tells what this one does.
    pub(crate) async fn check_all(
        &mut self,
        run: &Arc<Run>,
        chain: &Arc<Chain>,
        digest: &Arc<DigestInfo>,
        entries: Vec<LogEntry>,
        is_proof: bool,
    ) -> Result<(), IntegrityError> {
        run.progress.logs_total.fetch_add(entries.len() as u64, Ordering::Relaxed);
        for entry in entries {
            let id = place_id(&entry.s3_bucket, &entry.s3_object);
            self.mentioned.insert(id);
            if run.only_mentions {
                let (chain, digest) = (Arc::clone(chain), Arc::clone(digest));
                run.mention(Mention { chain, digest, entry, is_proof }).await;
                continue;
            }
            let identity = self.identities.get(&id).cloned();
            let (chain, digest) = (Arc::clone(chain), Arc::clone(digest));
            let check = Check { run: Arc::clone(run), chain, digest, entry, identity, is_proof };
            let permit = run.begin_log().await;
            self.tasks.spawn(async move {
                check.run().await;
                drop(permit);
            });
            while let Some(ended) = self.tasks.try_join_next() {
                ended?;
            }
        }
        Ok(())
    }

    /// Waits for the last of them.
    pub(crate) async fn finish(&mut self) -> Result<(), IntegrityError> {
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }
}

impl Check {
    async fn run(self) {
        let mut version = None;
        let verdict = match self.verdict(&mut version).await {
            Verdict::Valid if !self.is_proof => Verdict::DigestUnchecked,
            verdict => verdict,
        };
        if let (Verdict::Valid, Some(proved), Some(identity)) = (&verdict, &self.run.options.proved, &self.identity) {
            proved.add(&self.location(), &self.entry.hash_value, identity);
        }
        self.run.progress.logs.fetch_add(1, Ordering::Relaxed);
        let LogEntry { s3_bucket: bucket, s3_object: key, .. } = self.entry;
        let (chain, subject, digest) = (self.chain, Subject::LogFile, Some(self.digest));
        self.run.report(Finding { chain, subject, bucket, key, verdict, digest, version }).await;
    }

    /// Also says which version it looked at.
    async fn verdict(&self, version: &mut Option<ObjectVersion>) -> Verdict {
        let entry = &self.entry;
        if let Some(verdict) = unknown_algorithm(entry) {
            return verdict;
        }
        if self.is_proved_before() {
            return Verdict::ValidBefore;
        }
        let Some(bucket) = self.run.source.find(&entry.s3_bucket, &entry.s3_object).await else {
            return Verdict::BucketNotAtHand { bucket: entry.s3_bucket.clone() };
        };
        let got = match bucket.get(&entry.s3_object).await {
            Ok(got) => got,
            Err(error) => return store_verdict(error),
        };
        *version = Some(ObjectVersion::from(&got.meta));
        self.run.progress.bytes.fetch_add(got.meta.size, Ordering::Relaxed);
        let hash = if got.meta.size > WHOLE_BYTES { self.hash_large(got).await } else { self.hash_whole(got).await };
        match hash {
            Err(verdict) => verdict,
            Ok(unpacked) => compare(unpacked, &entry.hash_value),
        }
    }

    fn location(&self) -> String {
        format!("s3://{}/{}", self.entry.s3_bucket, self.entry.s3_object)
    }

    /// Whether an earlier run proved this very object; not believed for an export, which needs the bytes.
    fn is_proved_before(&self) -> bool {
        match (&self.run.options.proved, &self.identity) {
            (Some(proved), Some(identity)) if self.is_proof && self.run.exporter.is_none() => {
                proved.holds(&self.location(), &self.entry.hash_value, identity)
            }
            _ => false,
        }
    }

    async fn hash_whole(&self, got: GetResult) -> Result<Unpacked, Verdict> {
        let _memory = self.run.reserve(got.meta.size).await;
        let packed = got.bytes().await.map_err(store_verdict)?;
        if let Some(exporter) = &self.run.exporter {
            self.run.note_export(exporter.save(&self.entry.s3_bucket, &self.entry.s3_object, &packed));
        }
        Ok(self.run.compute(move |gunzip| gunzip.sha256(&packed)).await)
    }

    async fn hash_large(&self, got: GetResult) -> Result<Unpacked, Verdict> {
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        let hash = self.run.compute(move |_| sha256_of_stream(BufReader::new(Pieces { receiver, head: Bytes::new() })));
        let (hash, fed) = futures::join!(hash, self.feed(got, sender));
        fed.map(|()| hash)
    }

    /// Hands the bytes of a large object over, and keeps them if an export is asked for.
    async fn feed(&self, got: GetResult, sender: mpsc::Sender<Bytes>) -> Result<(), Verdict> {
        let mut kept = match &self.run.exporter {
            Some(exporter) => self.run.note_export(exporter.large(&self.entry.s3_bucket, &self.entry.s3_object)),
            None => None,
        };
        let mut stream = got.into_stream();
        while let Some(piece) = stream.next().await {
            let piece = piece.map_err(store_verdict)?;
            if let Some(file) = &mut kept {
                file.write_all(&piece).map_err(|error| Verdict::Unreadable { reason: error.to_string() })?;
            }
            // Without a reader the verdict is settled; an export wants the rest all the same.
            if sender.send(piece).await.is_err() && kept.is_none() {
                return Ok(());
            }
        }
        if let (Some(exporter), Some(file)) = (&self.run.exporter, kept) {
            exporter.saved(file);
        }
        Ok(())
    }
}

fn unknown_algorithm(entry: &LogEntry) -> Option<Verdict> {
    let algorithm = entry.hash_algorithm.as_ref().filter(|algorithm| *algorithm != HASH_ALGORITHM)?;
    Some(Verdict::UnknownHashAlgorithm { algorithm: algorithm.clone() })
}

/// Compares a log file with the hash that its digest says it has, in hexadecimal.
fn compare(unpacked: Unpacked, expected: &str) -> Verdict {
    let is_expected = |hash: Sha256| expected.eq_ignore_ascii_case(&hex::encode(hash));
    match unpacked {
        Ok(hash) if is_expected(hash) => Verdict::Valid,
        Ok(_) => Verdict::HashMismatch,
        // The AWS CLI compares what there is.
        Err(GunzipError::CutOff { so_far }) if !is_expected(so_far) => Verdict::HashMismatch,
        Err(GunzipError::TrailingData) => Verdict::TrailingData,
        Err(GunzipError::Read(error)) => Verdict::Unreadable { reason: error.to_string() },
        Err(error) => Verdict::InvalidFormat { detail: error.to_string() },
    }
}

/// A log file as a digest mentions it, for a check elsewhere.
#[derive(Debug)]
pub(crate) struct Mention {
    pub(crate) chain: Arc<Chain>,
    pub(crate) digest: Arc<DigestInfo>,
    pub(crate) entry: LogEntry,
    /// Whether the digest is valid, so that a right hash proves something.
    pub(crate) is_proof: bool,
}

/// What a digest says about a log file, to hold its bytes against.
#[derive(Debug, Clone)]
pub struct Expectation(LogEntry);

impl Expectation {
    pub(crate) fn new(entry: LogEntry) -> Self {
        Self(entry)
    }

    pub(crate) fn is_alike(&self, other: &LogEntry) -> bool {
        self.0.hash_value.eq_ignore_ascii_case(&other.hash_value) && self.0.hash_algorithm == other.hash_algorithm
    }
}

/// Checks log files that somebody else reads, one after the other, in memory that it keeps.
pub struct LogChecker(Gunzip);

impl Default for LogChecker {
    fn default() -> Self {
        Self(Gunzip::new())
    }
}

impl std::fmt::Debug for LogChecker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogChecker").finish_non_exhaustive()
    }
}

impl LogChecker {
    /// What is to be said of the log file that is stored as `packed`. [`Verdict::Valid`] is said of these bytes, and of no
    /// others that the file may hold a moment later.
    pub fn check(&mut self, packed: &[u8], expected: &Expectation) -> Verdict {
        unknown_algorithm(&expected.0).unwrap_or_else(|| compare(self.0.sha256(packed), &expected.0.hash_value))
    }
}

/// The pieces of an object, read by a thread that may block.
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
    head: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.head.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.head = piece,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.head.len());
        self.head.copy_to_slice(&mut into[..length]);
        Ok(length)
    }
}
