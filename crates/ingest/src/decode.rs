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

/// What a unit of work brought.
#[derive(Debug, Default)]
pub(crate) struct DecodedUnit {
    pub(crate) batches: Vec<DecodedBatch>,
    /// By batch: the rows that the filters want; `None` for all.
    pub(crate) masks: Vec<Option<BooleanArray>>,
    pub(crate) files: Vec<DecodedFile>,
    pub(crate) rejects: Vec<Reject>,
}

/// One file of a unit. Its rows follow those of the file before it, across batches.
#[derive(Debug)]
pub(crate) struct DecodedFile {
    pub(crate) entry: ObjectEntry,
    pub(crate) account: FileAccount,
    pub(crate) failure: Option<FailedFile>,
}

impl DecodedUnit {
    /// JSON bytes of all rows, by which memory is bounded.
    pub(crate) fn json_bytes(&self) -> u64 {
        self.batches.iter().map(|batch| batch.json_bytes).sum()
    }
}

/// Decoders and unpackers that wait for the next unit; their buffers are worth keeping.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    idle: Mutex<Vec<(Decoder, Unpacker)>>,
}

impl Workers {
    /// Reads and decodes `files`. A file that cannot be read does not keep the others from it.
    pub(crate) fn decode(
        &self,
        files: &[LogFile],
        filter: &EventFilter,
        progress: &Progress,
    ) -> Result<DecodedUnit, IngestError> {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let (mut decoder, mut unpacker) = idle.unwrap_or_default();
        let mut unit = DecodedUnit::default();
        for file in files {
            let decoded = decode_file(file, &mut decoder, &mut unpacker);
            progress.files.fetch_add(1, Ordering::Relaxed);
            progress.bytes.fetch_add(file.size_bytes, Ordering::Relaxed);
            progress.events.fetch_add(decoded.account.records, Ordering::Relaxed);
            unit.files.push(decoded);
        }
        unit.batches = decoder.finish()?;
        unit.rejects = decoder.take_rejects();
        unit.masks = unit.batches.iter().map(|batch| filter.mask(&batch.rows)).collect::<Result<_, _>>()?;
        if let Ok(mut idle) = self.idle.lock() {
            idle.push((decoder, unpacker));
        }
        Ok(unit)
    }
}

fn decode_file(file: &LogFile, decoder: &mut Decoder, unpacker: &mut Unpacker) -> DecodedFile {
    decoder.begin(file.name.as_str());
    let outcome = unpacker.read(file, &mut |window, last| decoder.feed(window, last));
    let account = decoder.end();
    let failure = outcome.err().map(|error: ReadError<Damage>| FailedFile {
        file: file.name.clone(),
        reason: format!("{error}{}", kept_note(&error, account.records)),
    });
    let entry = ObjectEntry {
        key: file.identity,
        url: file.name.clone(),
        size_bytes: file.size_bytes,
        read: account.records,
        kept: 0,
        duplicates: 0,
        filtered: 0,
        rejected: account.rejected,
        filter: String::new(),
    };
    DecodedFile { entry, account, failure }
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
