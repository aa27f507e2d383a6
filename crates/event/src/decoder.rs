//! Log files to batches of events, whatever the envelope.
//!
//! ```text
//! {"Records":[EVENT,…]}                                   delivered log files
//! [EVENT,…]        EVENT\nEVENT\n…        EVENT            arrays, JSON lines, single events
//! {"Events":[{"CloudTrailEvent":"EVENT"},…]}              aws cloudtrail lookup-events
//! {"detail-type":…,"detail":EVENT}                        EventBridge
//! {…,"logEvents":[{"message":"EVENT"},…]}                 CloudWatch Logs subscriptions
//! ```

use crate::batch::{BatchBuilder, DecodedBatch, Names};
use crate::error::{Damage, EventError};
use crate::model::Layout;
use crate::record::{Record, RecordReader};
use crate::scan::{Scanner, Stop, Value, unescape};

/// Rows of a batch at the most.
const BATCH_ROWS: usize = 8192;

/// JSON bytes of a batch at the most, give or take one record; keeps text offsets far from 2 GiB.
const BATCH_JSON_BYTES: u64 = 16 << 20;

/// Bytes of one JSON value at the most: a log file has 50 MB before compression, an event 1 MB (CloudTrail quotas).
pub const MAX_VALUE_BYTES: usize = 64 << 20;

/// Bytes of a rejected record that are kept for the user to look at.
const MAX_REJECT_BYTES: usize = 1 << 20;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Byte order marks of UTF-16, which CloudTrail does not write.
const UTF_16_MARKS: [&[u8]; 2] = [b"\xFF\xFE", b"\xFE\xFF"];

/// Decodes log files, one after the other, into [`DecodedBatch`]es that may span files.
///
/// A file is announced with [`begin`](Self::begin), then fed in windows: [`feed`](Self::feed) says how much it took,
/// and the rest must come again at the start of the next, larger window. [`end`](Self::end) gives the account.
#[derive(Debug)]
pub struct Decoder {
    reader: RecordReader,
    names: Names,
    builder: BatchBuilder,
    batches: Vec<DecodedBatch>,
    rejects: Vec<Reject>,
    file: FileState,
}

/// What a file held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileAccount {
    /// Records found: rows plus rejected ones.
    pub records: u64,
    /// Records that became rows.
    pub rows: u64,
    /// Records that are no events.
    pub rejected: u64,
    /// Rows whose time could not be read; their `eventtime` is NULL.
    pub untimed: u64,
    /// The file is a digest file: nothing to ingest, left for validation.
    pub is_digest: bool,
}

impl FileAccount {
    /// What came after `earlier`, an account of the same file.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            records: self.records - earlier.records,
            rows: self.rows - earlier.rows,
            rejected: self.rejected - earlier.rejected,
            untimed: self.untimed - earlier.untimed,
            is_digest: self.is_digest,
        }
    }
}

/// A record that did not become a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The log file.
    pub file: String,
    /// Number of the record in the file, from 1.
    pub record: u64,
    /// Why it is no event.
    pub reason: String,
    /// The record itself, cut to 1 MiB; bytes that are no UTF-8 are replaced.
    pub text: String,
}

#[derive(Debug, Default)]
struct FileState {
    name: String,
    account: FileAccount,
    place: Place,
    /// Bytes taken so far.
    offset: u64,
}

/// Where in the envelope the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// Before the first byte.
    #[default]
    Start,
    /// Between values of the file.
    Between,
    /// In an array, before its first element.
    First { wrapped: bool },
    /// In an array, behind an element.
    Behind { wrapped: bool },
    /// In an array, behind a comma.
    Element { wrapped: bool },
    /// In the object around an array, behind one of its members.
    Tail,
}

/// What [`Decoder::step`] did.
enum Step {
    Went,
    NeedsMore,
    Done,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// Makes a decoder without rows.
    pub fn new() -> Self {
        Self {
            reader: RecordReader::new(),
            names: Names::new(Layout::get()),
            builder: BatchBuilder::new(),
            batches: Vec::new(),
            rejects: Vec::new(),
            file: FileState::default(),
        }
    }

    /// Starts a file; `name` becomes `sourcefile` of its rows.
    pub fn begin(&mut self, name: impl Into<String>) {
        self.file = FileState { name: name.into(), ..FileState::default() };
    }

    /// Decodes what is whole in `window`, which continues the file; `last` says that nothing follows.
    ///
    /// Returns the bytes taken: all of them when `last`. Fails with [`Damage`] where the file cannot be read on; the
    /// records before it are kept.
    pub fn feed(&mut self, window: &[u8], last: bool) -> Result<usize, Damage> {
        let utf8 = simdutf8::basic::from_utf8(window).is_ok();
        let mut at = 0;
        loop {
            match self.step(window, &mut at, last, utf8) {
                Ok(Step::Went) => {}
                Ok(Step::Done) => break,
                Ok(Step::NeedsMore) if window.len() - at >= MAX_VALUE_BYTES => {
                    let (offset, records) = (self.file.offset + at as u64, self.file.account.records);
                    return Err(Damage::TooLarge { offset, records, limit: MAX_VALUE_BYTES as u64 });
                }
                Ok(Step::NeedsMore) => break,
                Err(damage) => return Err(damage),
            }
        }
        self.file.offset += at as u64;
        Ok(at)
    }

    /// Ends the file and returns what it held.
    pub fn end(&mut self) -> FileAccount {
        std::mem::take(&mut self.file).account
    }

    /// Decodes a whole unpacked file: [`begin`](Self::begin), [`feed`](Self::feed) and [`end`](Self::end) at once.
    pub fn decode(&mut self, name: impl Into<String>, bytes: &[u8]) -> (FileAccount, Result<(), Damage>) {
        self.begin(name);
        let outcome = self.feed(bytes, true);
        (self.end(), outcome.map(|_| ()))
    }

    /// What the file held so far.
    pub fn account(&self) -> FileAccount {
        self.file.account
    }

    /// JSON bytes of the rows and rejected records that were not taken yet.
    pub fn waiting_bytes(&self) -> u64 {
        let full: u64 = self.batches.iter().map(|batch| batch.json_bytes).sum();
        let rejected: usize = self.rejects.iter().map(|reject| reject.text.len()).sum();
        full + self.builder.json_bytes() + rejected as u64
    }

    /// Takes the batches that are full.
    pub fn take_batches(&mut self) -> Vec<DecodedBatch> {
        std::mem::take(&mut self.batches)
    }

    /// Takes all batches, the last one as it is.
    pub fn finish(&mut self) -> Result<Vec<DecodedBatch>, EventError> {
        if self.builder.rows() > 0 {
            self.batches.push(self.builder.finish()?);
        }
        Ok(self.take_batches())
    }

    /// Takes the records rejected so far.
    pub fn take_rejects(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.rejects)
    }

    fn step(&mut self, window: &[u8], at: &mut usize, last: bool, utf8: bool) -> Result<Step, Damage> {
        let mut scanner = Scanner::starting_at(window, *at);
        let byte = match scanner.peek() {
            Ok(byte) => byte,
            Err(_) => return self.out_of_bytes(window, at, last),
        };
        let start = scanner.at;
        let end = |stop: Stop, decoder: &Self| match stop {
            Stop::End if !last => Ok(Step::NeedsMore),
            Stop::End => Err(decoder.truncated(window.len())),
            Stop::Bad(bad) => Err(decoder.malformed(bad)),
        };
        match self.file.place {
            Place::Start => return self.start(window, at, start, last),
            Place::Between => return self.top_value(window, at, start, last, utf8),
            Place::First { wrapped } | Place::Behind { wrapped } if byte == b']' => {
                scanner.at += 1;
                self.file.place = if wrapped { Place::Tail } else { Place::Between };
            }
            Place::Behind { wrapped } => match scanner.expect(b',') {
                Ok(()) => self.file.place = Place::Element { wrapped },
                Err(stop) => return end(stop, self),
            },
            Place::First { wrapped } | Place::Element { wrapped } => {
                match self.element(window, &mut scanner, byte, utf8, last) {
                    Ok(()) => self.file.place = Place::Behind { wrapped },
                    Err(stop) => return end(stop, self),
                }
            }
            Place::Tail if byte == b'}' => {
                scanner.at += 1;
                self.file.place = Place::Between;
            }
            Place::Tail => {
                let skipped = scanner.expect(b',').and_then(|()| scanner.key()).and_then(|_| scanner.value());
                if let Err(stop) = skipped {
                    return end(stop, self);
                }
            }
        }
        *at = scanner.at;
        Ok(Step::Went)
    }

    fn out_of_bytes(&self, window: &[u8], at: &mut usize, last: bool) -> Result<Step, Damage> {
        match self.file.place {
            Place::Start if last => Err(Damage::Empty),
            Place::Start | Place::Between => {
                *at = window.len();
                Ok(Step::Done)
            }
            _ if last => Err(self.truncated(window.len())),
            _ => Ok(Step::NeedsMore),
        }
    }

    fn start(&mut self, window: &[u8], at: &mut usize, start: usize, last: bool) -> Result<Step, Damage> {
        let rest = &window[start..];
        if UTF_16_MARKS.iter().any(|mark| rest.starts_with(mark)) {
            return Err(Damage::Utf16);
        }
        let may_become = |mark: &[u8]| rest.len() < mark.len() && mark.starts_with(rest);
        if !last && (may_become(BOM) || UTF_16_MARKS.iter().any(|mark| may_become(mark))) {
            return Ok(Step::NeedsMore);
        }
        *at = if rest.starts_with(BOM) { start + BOM.len() } else { start };
        self.file.place = Place::Between;
        Ok(Step::Went)
    }

    /// A value of the file itself: an envelope, an array, an event, a line of JSON.
    fn top_value(
        &mut self,
        window: &[u8],
        at: &mut usize,
        start: usize,
        last: bool,
        utf8: bool,
    ) -> Result<Step, Damage> {
        let mut scanner = Scanner::starting_at(window, start);
        let read = match window[start] {
            b'[' => {
                *at = start + 1;
                self.file.place = Place::First { wrapped: false };
                return Ok(Step::Went);
            }
            b'{' => match open_envelope(window, start) {
                Ok(Some(inside)) => {
                    *at = inside;
                    self.file.place = Place::First { wrapped: true };
                    return Ok(Step::Went);
                }
                Ok(None) => self.element(window, &mut scanner, b'{', utf8, last),
                Err(stop) => Err(stop),
            },
            byte => self.element(window, &mut scanner, byte, utf8, last),
        };
        match read {
            Ok(()) => {
                *at = scanner.at;
                Ok(Step::Went)
            }
            Err(Stop::End) if !last => Ok(Step::NeedsMore),
            Err(Stop::End) => Err(self.truncated(window.len())),
            Err(Stop::Bad(bad)) => self.skip_line(window, at, start, bad, last),
        }
    }

    /// In JSON lines, one bad line does not concern the next; anywhere else there is no telling where to go on.
    fn skip_line(
        &mut self,
        window: &[u8],
        at: &mut usize,
        start: usize,
        bad: usize,
        last: bool,
    ) -> Result<Step, Damage> {
        let newline = |from: usize| window[from..].iter().position(|byte| *byte == b'\n').map(|found| from + found);
        let line_end = match newline(start) {
            Some(end) => end,
            None if !last => return Ok(Step::NeedsMore),
            None => window.len(),
        };
        let on_one_line = bad <= line_end;
        let next_is_object = match window[line_end..].iter().find(|byte| !byte.is_ascii_whitespace()) {
            None if !last => return Ok(Step::NeedsMore),
            next => next == Some(&b'{'),
        };
        let first = self.file.account.records == 0;
        if !on_one_line || (first && !next_is_object) {
            return Err(if first {
                Damage::NotJson { offset: self.file.offset + bad as u64 }
            } else {
                self.malformed(bad)
            });
        }
        self.reject(&window[start..line_end], format!("is not JSON (byte {})", self.file.offset + bad as u64));
        *at = line_end;
        Ok(Step::Went)
    }

    /// One element of an array, or one value of the file; `last` says that nothing follows the window.
    fn element<'a>(
        &mut self,
        window: &'a [u8],
        scanner: &mut Scanner<'a>,
        byte: u8,
        utf8: bool,
        last: bool,
    ) -> Result<(), Stop> {
        if byte == b'{' {
            let mut record = Record::new();
            self.reader.read(window, scanner, &mut record)?;
            self.object(&mut record, utf8);
        } else {
            let start = scanner.at;
            scanner.value()?;
            // A number may go on behind the window.
            if scanner.at == window.len() && !last {
                return Err(Stop::End);
            }
            self.reject(&window[start..scanner.at], "is no JSON object".to_owned());
        }
        Ok(())
    }

    /// One object: an event, or something with events in it.
    fn object(&mut self, record: &mut Record<'_>, utf8: bool) {
        let n = &self.names;
        let slot = |at: usize| record.slots[at];
        let is_event = [n.version, n.name, n.id, n.id_lower, n.insight].iter().any(|at| slot(*at) != Value::Absent);
        if is_event {
            return self.event(record, utf8);
        }
        if let Some((_, list)) = wrapped_list(record) {
            return self.inner_list(list);
        }
        match (slot(n.lookup), slot(n.message), slot(n.detail), slot(n.detail_type)) {
            (Value::Text { raw, .. }, _, _, _) | (_, Value::Text { raw, .. }, _, _) => self.inner_text(raw, record.raw),
            (_, _, Value::Nested { raw, .. }, kind) if kind != Value::Absent && raw[0] == b'{' => {
                self.inner(raw, record.raw)
            }
            _ if slot(n.digest).is_some() => self.file.account.is_digest = true,
            _ => self.reject(
                record.raw,
                "is no CloudTrail event: it has none of eventVersion, eventName, eventID and insightDetails".to_owned(),
            ),
        }
    }

    fn event(&mut self, record: &mut Record<'_>, utf8: bool) {
        if !utf8 && let Err(error) = simdutf8::compat::from_utf8(record.raw) {
            return self.reject(record.raw, format!("is not UTF-8 (byte {} of the record)", error.valid_up_to()));
        }
        let account = &mut self.file.account;
        account.records += 1;
        account.rows += 1;
        if !self.builder.push(record, &self.file.name) {
            account.untimed += 1;
        }
        if self.builder.rows() >= BATCH_ROWS || self.builder.json_bytes() >= BATCH_JSON_BYTES {
            match self.builder.finish() {
                Ok(batch) => self.batches.push(batch),
                Err(error) => unreachable!("validated UTF-8 and equal lengths make a batch: {error}"),
            }
        }
    }

    /// An event written as a JSON string, `outer` being the object that holds it.
    fn inner_text(&mut self, raw: &[u8], outer: &[u8]) {
        let mut text = Vec::with_capacity(raw.len());
        unescape(raw, &mut text);
        let json = text.trim_ascii();
        if json.first() == Some(&b'{') {
            self.inner(json, outer);
        } else {
            self.reject(outer, "holds a text that is no JSON object where an event should be".to_owned());
        }
    }

    /// An event inside of another object.
    fn inner(&mut self, json: &[u8], outer: &[u8]) {
        let mut scanner = Scanner::new(json);
        let mut record = Record::new();
        let read = self.reader.read(json, &mut scanner, &mut record);
        match read {
            Ok(()) if scanner.at == json.len() => {
                let n = &self.names;
                let is_event = [n.version, n.name, n.id, n.id_lower, n.insight]
                    .iter()
                    .any(|at| record.slots[*at] != Value::Absent);
                if is_event {
                    self.event(&mut record, false);
                } else {
                    self.reject(outer, "wraps an object that is no CloudTrail event".to_owned());
                }
            }
            _ => self.reject(outer, "wraps an event that is not JSON".to_owned()),
        }
    }

    /// A list of records that came late in its object, so that the whole object was read before.
    fn inner_list(&mut self, list: &[u8]) {
        let mut scanner = Scanner::new(list);
        let mut read = || -> Result<(), Stop> {
            let mut more = scanner.open(b']')?;
            while more {
                let byte = scanner.peek()?;
                self.element(list, &mut scanner, byte, false, true)?;
                more = scanner.more(b']')?;
            }
            Ok(())
        };
        let whole = read();
        debug_assert!(whole.is_ok(), "the list was scanned before");
    }

    fn reject(&mut self, record: &[u8], reason: String) {
        let account = &mut self.file.account;
        account.records += 1;
        account.rejected += 1;
        self.rejects.push(Reject {
            file: self.file.name.clone(),
            record: account.records,
            reason,
            text: String::from_utf8_lossy(&record[..record.len().min(MAX_REJECT_BYTES)]).into_owned(),
        });
    }

    fn truncated(&self, length: usize) -> Damage {
        Damage::Truncated { offset: self.file.offset + length as u64, records: self.file.account.records }
    }

    fn malformed(&self, bad: usize) -> Damage {
        Damage::Malformed { offset: self.file.offset + bad as u64, records: self.file.account.records }
    }
}

const LISTS: [&[u8]; 3] = [b"Records", b"Events", b"logEvents"];

/// If the object at `start` begins with a list of records: the offset of the list's first element.
fn open_envelope(window: &[u8], start: usize) -> Result<Option<usize>, Stop> {
    let mut scanner = Scanner::starting_at(window, start);
    if !scanner.open(b'}')? {
        return Ok(None);
    }
    let (name, _) = scanner.key()?;
    if LISTS.contains(&name) && scanner.peek()? == b'[' {
        return Ok(Some(scanner.at + 1));
    }
    Ok(None)
}

/// The list of records in an object that is not an event itself.
fn wrapped_list<'a>(record: &Record<'a>) -> Option<(&'a [u8], &'a [u8])> {
    record.extras.iter().find_map(|extra| match extra.value {
        Value::Nested { raw, .. } if raw[0] == b'[' && LISTS.contains(&extra.name) => Some((extra.name, raw)),
        _ => None,
    })
}
