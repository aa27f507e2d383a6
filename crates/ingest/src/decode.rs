//! One unit of work: files to filtered batches, on one thread.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use arrow::array::BooleanArray;
use trailql_event::{Damage, DecodedBatch, Decoder, FileAccount, Reject};
use trailql_integrity::{LogChecker, Promise, Verdict};
use trailql_lake::ObjectEntry;
use trailql_source::{LogFile, OpenFile, Opening, ReadError, Unpacker};
use trailql_store::{Problem, ProblemKind};

use crate::account::FailedFile;
use crate::error::IngestError;
use crate::filter::EventFilter;
use crate::options::Progress;
use crate::proof::Proofs;

/// JSON bytes, rejected text included, after which a unit hands over what it has: a file may be of any size.
const PART_BYTES: u64 = 16 << 20;

/// Files that a store failed to give, one after the other, after which it is not asked for the rest.
const UNAVAILABLE_IN_A_ROW: usize = 16;

/// What a unit of work brought, or a part of it.
#[derive(Debug, Default)]
pub(crate) struct DecodedUnit {
    pub(crate) batches: Vec<DecodedBatch>,
    /// By batch: the rows that the filters want; `None` for all.
    pub(crate) masks: Vec<Option<BooleanArray>>,
    /// In the order of their rows, which may reach across batches.
    pub(crate) files: Vec<DecodedFile>,
    pub(crate) rejects: Vec<Reject>,
}

/// One file of a unit, or the part of it that is in hand.
#[derive(Debug)]
pub(crate) struct DecodedFile {
    pub(crate) entry: ObjectEntry,
    /// What this part of the file held.
    pub(crate) account: FileAccount,
    pub(crate) failure: Option<FailedFile>,
    /// Of a file that had to be proved, in its last part: what its bytes are.
    pub(crate) proof: Option<Verdict>,
    /// When the file was delivered.
    pub(crate) modified: Option<SystemTime>,
    /// This is the last part.
    pub(crate) is_complete: bool,
}

impl DecodedUnit {
    /// JSON bytes of rows and rejected records, by which memory is bounded.
    pub(crate) fn json_bytes(&self) -> u64 {
        let rejected: usize = self.rejects.iter().map(|reject| reject.text.len()).sum();
        self.batches.iter().map(|batch| batch.json_bytes).sum::<u64>() + rejected as u64
    }
}

/// What a unit is read with; the buffers are worth keeping.
#[derive(Debug, Default)]
struct Tools {
    decoder: Decoder,
    unpacker: Unpacker,
    checker: LogChecker,
}

/// Tools that wait for the next unit.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    idle: Mutex<Vec<Tools>>,
    /// Takes only files that these prove.
    proofs: Option<Arc<Proofs>>,
    /// Files that could not be fetched since the last one that could.
    unavailable: AtomicUsize,
}

impl Workers {
    pub(crate) fn new(proofs: Option<Arc<Proofs>>) -> Self {
        Self { proofs, ..Self::default() }
    }

    /// Reads and decodes `files`, and gives what it found to `emit`, in one part or several.
    ///
    /// A file that cannot be read does not keep the others from it, unless the store is why and the others would fare
    /// no better.
    pub(crate) fn decode(
        &self,
        files: Vec<OpenFile>,
        filter: &EventFilter,
        progress: &Progress,
        emit: &mut dyn FnMut(DecodedUnit),
    ) -> Result<(), IngestError> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let mut tools = idle.unwrap_or_default();
        let mut part = Part { unit: DecodedUnit::default(), filter, progress, proofs: self.proofs.as_deref(), emit };
        for OpenFile { file, opening } in files {
            let fetched = part.read_file(&file, opening, &mut tools)?;
            self.give_up_on(&file, fetched)?;
        }
        part.hand_over(&mut tools.decoder)?;
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(tools);
        }
        Ok(())
    }
}

impl Workers {
    /// Ends the run if the store keeps failing.
    fn give_up_on(&self, file: &LogFile, fetched: Result<(), Problem>) -> Result<(), IngestError> {
        let Err(problem) = fetched else {
            self.unavailable.store(0, Ordering::Relaxed);
            return Ok(());
        };
        let is_hopeless = match problem.kind {
            ProblemKind::Credentials => true,
            ProblemKind::Unavailable => self.unavailable.fetch_add(1, Ordering::Relaxed) + 1 >= UNAVAILABLE_IN_A_ROW,
            _ => false,
        };
        if is_hopeless { Err(IngestError::Fetch { file: file.name.clone(), problem }) } else { Ok(()) }
    }
}

/// The part of a unit that is being filled.
struct Part<'a> {
    unit: DecodedUnit,
    filter: &'a EventFilter,
    progress: &'a Progress,
    proofs: Option<&'a Proofs>,
    emit: &'a mut dyn FnMut(DecodedUnit),
}

impl Part<'_> {
    /// Returns what kept the file from being fetched, if that is what went wrong.
    fn read_file(
        &mut self,
        file: &LogFile,
        opening: Opening,
        tools: &mut Tools,
    ) -> Result<Result<(), Problem>, IngestError> {
        let Tools { decoder, unpacker, checker } = tools;
        let (proofs, mut proof) = (self.proofs, None);
        let mut before = FileAccount::default();
        let mut broken = None;
        decoder.begin(file.name.as_str());
        let mut feed = |window: &[u8], last| {
            let taken = decoder.feed(window, last)?;
            if decoder.waiting_bytes() >= PART_BYTES && !last {
                let account = decoder.account();
                self.add_file(file, account.since(&before), None, None);
                before = account;
                broken = broken.take().or(self.hand_over(decoder).err());
            }
            Ok(taken)
        };
        let outcome = match proofs {
            None => unpacker.read(opening, &mut feed),
            Some(proofs) => {
                let promise = proofs.promise(&file.name);
                let mut check = |packed: &[u8]| prove(checker, packed, promise, &mut proof);
                unpacker.read_checked(opening, &mut check, &mut feed)
            }
        };
        if let Some(error) = broken {
            return Err(error);
        }
        let account = decoder.end();
        let error: Option<ReadError<Damage>> = outcome.err();
        let failure = error.as_ref().map(|error| FailedFile {
            file: file.name.clone(),
            reason: format!("{error}{}", kept_note(error, account.records)),
        });
        // What could not even be read is neither proved nor disproved.
        let unread = || error.as_ref().map(|error| Verdict::Unreadable { reason: error.to_string() });
        let proof = proofs.and_then(|_| proof.or_else(unread));
        self.add_file(file, account.since(&before), failure, Some(proof));
        self.progress.files.fetch_add(1, Ordering::Relaxed);
        self.progress.bytes.fetch_add(file.size_bytes, Ordering::Relaxed);
        Ok(match error {
            Some(ReadError::Fetch(problem)) => Err(problem),
            _ => Ok(()),
        })
    }

    /// `end` is there with the last part of a file, and holds what was proved.
    fn add_file(
        &mut self,
        file: &LogFile,
        account: FileAccount,
        failure: Option<FailedFile>,
        end: Option<Option<Verdict>>,
    ) {
        self.progress.events.fetch_add(account.records, Ordering::Relaxed);
        let entry = ObjectEntry {
            key: file.identity,
            url: file.name.clone(),
            size_bytes: file.size_bytes,
            read: account.records,
            rejected: account.rejected,
            ..ObjectEntry::default()
        };
        let (is_complete, proof) = (end.is_some(), end.flatten());
        self.unit.files.push(DecodedFile { entry, account, failure, proof, modified: file.modified, is_complete });
    }

    fn hand_over(&mut self, decoder: &mut Decoder) -> Result<(), IngestError> {
        let mut unit = std::mem::take(&mut self.unit);
        unit.batches = decoder.finish()?;
        unit.rejects = decoder.take_rejects();
        unit.masks = unit.batches.iter().map(|batch| self.filter.mask(&batch.rows)).collect::<Result<_, _>>()?;
        (self.emit)(unit);
        Ok(())
    }
}

/// Refuses the bytes of a log file that are not what was promised; notes in `proof` what they are.
fn prove(
    checker: &mut LogChecker,
    packed: &[u8],
    promise: Option<&Promise>,
    proof: &mut Option<Verdict>,
) -> Result<(), String> {
    let Some(Promise::Expected { digest, expected, .. }) = promise else {
        return Err("is not taken: no digest mentions it".to_owned());
    };
    let verdict = checker.check(packed, expected);
    let detail = verdict.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let outcome = match verdict {
        Verdict::Valid => Ok(()),
        _ => Err(format!("is not taken: {verdict}{detail} (digest {})", digest.location)),
    };
    *proof = Some(verdict);
    outcome
}

/// Says how much of a damaged file was read, where the error itself does not.
fn kept_note(error: &ReadError<Damage>, records: u64) -> String {
    match error {
        ReadError::Gzip { .. } | ReadError::Bomb { .. } | ReadError::Io(_) | ReadError::Fetch(_) if records > 0 => {
            format!("; the {records} records before that were read")
        }
        _ => String::new(),
    }
}
