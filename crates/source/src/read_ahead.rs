//! Fetching log files from buckets ahead of those who read them.
//!
//! A log file is small and a request takes tens of milliseconds, so many are fetched at once. What was fetched and not
//! read yet is bounded in bytes. Files are fetched in the order in which they were opened, and who reads them in that
//! order never waits for room that files behind it take.

use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bytes::{Buf, Bytes};
use futures::{StreamExt, stream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use trailql_store::{Bucket, Problem, ProblemKind};

use crate::listing::{LogFile, Place};
use crate::unpack::WHOLE_BYTES;

/// Requests in flight: at 20 ms each, enough for 3,000 files a second.
const REQUESTS_IN_FLIGHT: usize = 64;

/// Bytes fetched, or being fetched, and not read yet.
const BYTES_AHEAD: u64 = 64 << 20;

/// Larger files come in pieces of this size.
const PIECE_BYTES: u64 = 8 << 20;

/// Pieces of one file fetched at once.
const PIECES_IN_FLIGHT: usize = 2;

/// What a file in pieces holds of the room: those in flight, one that waits, one that is read.
const PIECES_ROOM_BYTES: u64 = PIECE_BYTES * (PIECES_IN_FLIGHT as u64 + 2);

/// Room is counted in units of this, as a semaphore counts no further than 32 bits.
const ROOM_UNIT_BYTES: u64 = 1 << 10;

/// Opens log files, those in buckets ahead of their readers.
#[derive(Debug, Default)]
pub struct ReadAhead {
    wanted: OnceLock<mpsc::UnboundedSender<Wanted>>,
}

/// A log file and its bytes.
#[derive(Debug)]
pub struct OpenFile {
    /// The file.
    pub file: LogFile,
    /// Its bytes, for [`Unpacker::read`](crate::Unpacker::read).
    pub opening: Opening,
}

/// The bytes of a log file, which are there or about to be.
#[derive(Debug)]
pub struct Opening {
    pub(crate) size_bytes: u64,
    source: OpeningSource,
}

#[derive(Debug)]
enum OpeningSource {
    Local(PathBuf),
    Object(oneshot::Receiver<Result<Content, Problem>>),
}

/// The bytes of a file, wherever they came from.
pub(crate) enum Content {
    /// A file on this machine, to be opened.
    Local(PathBuf),
    /// All of them.
    Whole { bytes: Bytes, _room: OwnedSemaphorePermit },
    /// One piece after the other.
    Pieces(Pieces),
}

/// A file that is fetched.
#[derive(Debug)]
struct Wanted {
    bucket: Bucket,
    path: Path,
    e_tag: Option<String>,
    size_bytes: u64,
    answer: oneshot::Sender<Result<Content, Problem>>,
}

impl ReadAhead {
    /// Makes an opener with room of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a file; one in a bucket is fetched from now on, behind those opened before.
    ///
    /// Needs a Tokio runtime for files in buckets.
    pub fn open(&self, file: LogFile) -> OpenFile {
        let source = match &file.place {
            Place::Local(path) => OpeningSource::Local(path.clone()),
            Place::Spooled(path) => OpeningSource::Local(path.to_path_buf()),
            Place::Object { bucket, e_tag } => {
                let (answer, opening) = oneshot::channel();
                let key = file.name.get("s3://".len() + bucket.name().len() + 1..).unwrap_or_default();
                if !Bucket::can_hold(key) {
                    // Who waits for it is told; nobody else has the other end.
                    let _ = answer.send(Err(odd_key()));
                    return OpenFile {
                        opening: Opening { size_bytes: file.size_bytes, source: OpeningSource::Object(opening) },
                        file,
                    };
                }
                let wanted = Wanted {
                    bucket: bucket.clone(),
                    // A listing brought the key, so that it is one that paths can hold.
                    path: Path::parse(key).unwrap_or_default(),
                    e_tag: e_tag.clone(),
                    size_bytes: file.size_bytes,
                    answer,
                };
                // The fetcher ends only with the runtime, and then nobody reads any more.
                let _ = self.wanted.get_or_init(start).send(wanted);
                OpeningSource::Object(opening)
            }
        };
        OpenFile { opening: Opening { size_bytes: file.size_bytes, source }, file }
    }
}

impl Opening {
    /// Waits for the bytes; to be called where blocking is allowed.
    pub(crate) fn wait(self) -> Result<Content, Problem> {
        match self.source {
            OpeningSource::Local(path) => Ok(Content::Local(path)),
            OpeningSource::Object(opening) => opening.blocking_recv().unwrap_or_else(|_| {
                Err(Problem { kind: ProblemKind::Other, detail: "the run ended before it was fetched".to_owned() })
            }),
        }
    }
}

fn odd_key() -> Problem {
    let detail = "its key has an empty name, `.` or `..` between slashes; copy it to another key".to_owned();
    Problem { kind: ProblemKind::Other, detail }
}

/// Starts the task that lets fetches begin, in order, as soon as there is room for each.
fn start() -> mpsc::UnboundedSender<Wanted> {
    let (sender, mut wanted) = mpsc::unbounded_channel::<Wanted>();
    tokio::spawn(async move {
        let requests = Arc::new(Semaphore::new(REQUESTS_IN_FLIGHT));
        let room = Arc::new(Semaphore::new((BYTES_AHEAD / ROOM_UNIT_BYTES) as usize));
        while let Some(file) = wanted.recv().await {
            if file.answer.is_closed() {
                continue;
            }
            let taken = if file.is_in_pieces() { PIECES_ROOM_BYTES } else { file.size_bytes };
            let units = taken.div_ceil(ROOM_UNIT_BYTES).min(BYTES_AHEAD / ROOM_UNIT_BYTES) as u32;
            let (Ok(room), Ok(request)) =
                (Arc::clone(&room).acquire_many_owned(units).await, Arc::clone(&requests).acquire_owned().await)
            else {
                return;
            };
            tokio::spawn(file.fetch(room, request));
        }
    });
    sender
}

impl Wanted {
    fn is_in_pieces(&self) -> bool {
        self.size_bytes > WHOLE_BYTES
    }

    async fn fetch(mut self, room: OwnedSemaphorePermit, request: OwnedSemaphorePermit) {
        if self.is_in_pieces() {
            return self.fetch_pieces(room).await;
        }
        let get = get(&self.bucket, &self.path, self.e_tag.as_deref(), None);
        let fetched = tokio::select! {
            fetched = get => fetched,
            // Nobody waits for it any more.
            () = self.answer.closed() => return,
        };
        drop(request);
        let fetched = fetched.and_then(|bytes| whole(bytes, self.size_bytes));
        let _ = self.answer.send(fetched.map(|bytes| Content::Whole { bytes, _room: room }));
    }

    async fn fetch_pieces(self, room: OwnedSemaphorePermit) {
        let Self { bucket, path, e_tag, size_bytes, answer } = self;
        let (sender, pieces) = mpsc::channel(1);
        if answer.send(Ok(Content::Pieces(Pieces { current: Bytes::new(), pieces }))).is_err() {
            return;
        }
        let starts = (0..size_bytes).step_by(PIECE_BYTES as usize);
        let mut fetched =
            stream::iter(starts)
                .map(|start| {
                    let range = start..(start + PIECE_BYTES).min(size_bytes);
                    let (bucket, path, e_tag) = (&bucket, &path, e_tag.as_deref());
                    async move {
                        get(bucket, path, e_tag, Some(range.clone())).await.and_then(|b| whole(b, range.end - start))
                    }
                })
                .buffered(PIECES_IN_FLIGHT);
        while let Some(piece) = fetched.next().await {
            let is_end = piece.is_err();
            if sender.send(piece).await.is_err() || is_end {
                break;
            }
        }
        drop(room);
    }
}

/// Reads an object, or a range of it, if it is still the one that was listed.
async fn get(bucket: &Bucket, path: &Path, e_tag: Option<&str>, range: Option<Range<u64>>) -> Result<Bytes, Problem> {
    let options =
        GetOptions { if_match: e_tag.map(str::to_owned), range: range.map(GetRange::Bounded), ..GetOptions::default() };
    let failed = |error: object_store::Error| Problem::of(&error);
    bucket.get_opts(path, options).await.map_err(failed)?.bytes().await.map_err(failed)
}

/// Refuses an answer of another length than was asked for.
fn whole(bytes: Bytes, expected: u64) -> Result<Bytes, Problem> {
    if bytes.len() as u64 == expected {
        return Ok(bytes);
    }
    let detail = format!("{} bytes came, and {expected} were listed", bytes.len());
    Err(Problem { kind: ProblemKind::Changed, detail })
}

/// A file that comes piece by piece; reading waits for the next one.
pub(crate) struct Pieces {
    current: Bytes,
    pieces: mpsc::Receiver<Result<Bytes, Problem>>,
}

impl BufRead for Pieces {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Ok(piece)) => self.current = piece,
                Some(Err(problem)) => return Err(io::Error::other(problem)),
                None => break,
            }
        }
        Ok(&self.current)
    }

    fn consume(&mut self, amount: usize) {
        self.current.advance(amount);
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local(path) => f.debug_tuple("Local").field(path).finish(),
            Self::Whole { bytes, .. } => f.debug_tuple("Whole").field(&bytes.len()).finish(),
            Self::Pieces(_) => f.write_str("Pieces"),
        }
    }
}
