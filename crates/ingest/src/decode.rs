//! One unit of work: files to filtered batches, on one thread.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use arrow::array::BooleanArray;
use trailql_event::{Damage, DecodedBatch, Decoder, FileAccount, Reject};
use trailql_lake::ObjectEntry;
use trailql_source::{LogFile, ReadError, Unpacker};

use crate::account::FailedFile;
use crate::error::IngestError;
use crate::filter::EventFilter;
use crate::options::Progress;

/// JSON bytes, rejected text included, after which a unit hands over what it has: a file may be of any size.
const PART_BYTES: u64 = 16 << 20;

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

/// Decoders and unpackers that wait for the next unit; their buffers are worth keeping.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    idle: Mutex<Vec<(Decoder, Unpacker)>>,
}

impl Workers {
    /// Reads and decodes `files`, and gives what it found to `emit`, in one part or several.
    ///
    /// A file that cannot be read does not keep the others from it.
    pub(crate) fn decode(
        &self,
        files: &[LogFile],
        filter: &EventFilter,
        progress: &Progress,
        emit: &mut dyn FnMut(DecodedUnit),
    ) -> Result<(), IngestError> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let (mut decoder, mut unpacker) = idle.unwrap_or_default();
        let mut part = Part { unit: DecodedUnit::default(), filter, progress, emit };
        for file in files {
            part.read_file(file, &mut decoder, &mut unpacker)?;
        }
        part.hand_over(&mut decoder)?;
        if let Ok(mut idle) = self.idle.lock() {
            idle.push((decoder, unpacker));
        }
        Ok(())
    }
}

/// The part of a unit that is being filled.
struct Part<'a> {
    unit: DecodedUnit,
    filter: &'a EventFilter,
    progress: &'a Progress,
    emit: &'a mut dyn FnMut(DecodedUnit),
}

impl Part<'_> {
    fn read_file(&mut self, file: &LogFile, decoder: &mut Decoder, unpacker: &mut Unpacker) -> Result<(), IngestError> {
        let mut before = FileAccount::default();
        let mut broken = None;
        decoder.begin(file.name.as_str());
        let outcome = unpacker.read(file, &mut |window, last| {
            let taken = decoder.feed(window, last)?;
            if decoder.waiting_bytes() >= PART_BYTES && !last {
                let account = decoder.account();
                self.add_file(file, account.since(&before), None, false);
                before = account;
                broken = broken.take().or(self.hand_over(decoder).err());
            }
            Ok(taken)
        });
        if let Some(error) = broken {
            return Err(error);
        }
        let account = decoder.end();
        let failure = outcome.err().map(|error: ReadError<Damage>| FailedFile {
            file: file.name.clone(),
            reason: format!("{error}{}", kept_note(&error, account.records)),
        });
        self.add_file(file, account.since(&before), failure, true);
        self.progress.files.fetch_add(1, Ordering::Relaxed);
        self.progress.bytes.fetch_add(file.size_bytes, Ordering::Relaxed);
        Ok(())
    }

    fn add_file(&mut self, file: &LogFile, account: FileAccount, failure: Option<FailedFile>, is_complete: bool) {
        self.progress.events.fetch_add(account.records, Ordering::Relaxed);
        let entry = ObjectEntry {
            key: file.identity,
            url: file.name.clone(),
            size_bytes: file.size_bytes,
            read: account.records,
            rejected: account.rejected,
            ..ObjectEntry::default()
        };
        self.unit.files.push(DecodedFile { entry, account, failure, is_complete });
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

/// Says how much of a damaged file was read, where the error itself does not.
fn kept_note(error: &ReadError<Damage>, records: u64) -> String {
    match error {
        ReadError::Gzip { .. } | ReadError::Bomb { .. } | ReadError::Io(_) if records > 0 => {
            format!("; the {records} records before that were read")
        }
        _ => String::new(),
    }
}
