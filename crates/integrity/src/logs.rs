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
use crate::finding::{Chain, Finding, Subject};
use crate::gunzip::{GunzipError, Sha256, sha256, sha256_of_stream};
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
    entry: LogEntry,
    identity: Option<Arc<str>>,
    /// Whether its digest is valid, so that a right hash proves something.
    is_proof: bool,
}

/// Hash of a file that could be read, or what is wrong with it.
type Unpacked = Result<Sha256, GunzipError>;

impl LogChecks {
    /// Has the log files of one digest checked; returns when the last of them has begun.
    pub(crate) async fn check_all(
        &mut self,
        run: &Arc<Run>,
        chain: &Arc<Chain>,
        entries: Vec<LogEntry>,
        is_proof: bool,
    ) -> Result<(), IntegrityError> {
        run.progress.logs_total.fetch_add(entries.len() as u64, Ordering::Relaxed);
        for entry in entries {
            let id = place_id(&entry.s3_bucket, &entry.s3_object);
            self.mentioned.insert(id);
            let identity = self.identities.get(&id).cloned();
            let check = Check { run: Arc::clone(run), chain: Arc::clone(chain), entry, identity, is_proof };
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
        let verdict = match self.verdict().await {
            Verdict::Valid if !self.is_proof => Verdict::DigestUnchecked,
            verdict => verdict,
        };
        if let (Verdict::Valid, Some(proved), Some(identity)) = (&verdict, &self.run.options.proved, &self.identity) {
            proved.add(&self.location(), &self.entry.hash_value, identity);
        }
        self.run.progress.logs.fetch_add(1, Ordering::Relaxed);
        let LogEntry { s3_bucket: bucket, s3_object: key, .. } = self.entry;
        self.run.report(Finding { chain: self.chain, subject: Subject::LogFile, bucket, key, verdict }).await;
    }

    async fn verdict(&self) -> Verdict {
        let entry = &self.entry;
        if let Some(algorithm) = entry.hash_algorithm.as_ref().filter(|algorithm| *algorithm != HASH_ALGORITHM) {
            return Verdict::UnknownHashAlgorithm { algorithm: algorithm.clone() };
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
        self.run.progress.bytes.fetch_add(got.meta.size, Ordering::Relaxed);
        let hash = if got.meta.size > WHOLE_BYTES { self.hash_large(got).await } else { self.hash_whole(got).await };
        match hash {
            Err(verdict) => verdict,
            Ok(Ok(hash)) if self.is_expected(hash) => Verdict::Valid,
            Ok(Ok(_)) => Verdict::HashMismatch,
            // The AWS CLI compares what there is.
            Ok(Err(GunzipError::CutOff { so_far })) if !self.is_expected(so_far) => Verdict::HashMismatch,
            Ok(Err(GunzipError::TrailingData)) => Verdict::TrailingData,
            Ok(Err(GunzipError::Read(error))) => Verdict::Unreadable { reason: error.to_string() },
            Ok(Err(error)) => Verdict::InvalidFormat { detail: error.to_string() },
        }
    }

    fn is_expected(&self, hash: Sha256) -> bool {
        self.entry.hash_value.eq_ignore_ascii_case(&hex::encode(hash))
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
