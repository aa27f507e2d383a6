//! Reading log files in bounded memory, packed or not.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use libdeflater::{Crc, Decompressor};
use memchr::memmem;
use trailql_store::{Problem, ProblemKind};

use crate::read_ahead::{Content, Opening};

/// Files up to this size, unpacked, are handed over in one piece: CloudTrail's own limit is 50 MB.
pub(crate) const WHOLE_BYTES: u64 = 64 << 20;

/// Window of larger files to begin with.
const WINDOW_BYTES: usize = 4 << 20;

/// Gzip of real logs is 5 to 50 times smaller than the logs; beyond this it is made to fill a disk or a memory.
const BOMB_RATIO: u64 = 400;

/// Unpacked bytes from which the ratio is watched.
const BOMB_FLOOR_BYTES: u64 = 16 << 20;

const GZIP_MAGIC: &[u8] = &[0x1F, 0x8B, 0x08];

/// A log file that could not be read to its end; `E` is what the consumer of the bytes found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError<E: std::error::Error + 'static> {
    /// The file could not be opened or read.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// The file could not be fetched from its bucket.
    #[error("cannot be read: {0}")]
    Fetch(Problem),
    /// The gzip stream breaks off or is damaged.
    #[error("is damaged gzip after {unpacked_bytes} unpacked bytes: {reason}")]
    Gzip {
        /// Bytes that were unpacked, and handed over, before the damage.
        unpacked_bytes: u64,
        /// What the unpacker found.
        reason: String,
    },
    /// The file unpacks to far more than real logs do.
    #[error("is refused as a gzip bomb: {packed_bytes} bytes unpack to more than {unpacked_bytes}")]
    Bomb {
        /// Size of the file.
        packed_bytes: u64,
        /// Bytes unpacked when it was given up.
        unpacked_bytes: u64,
    },
    /// The stored bytes did not pass a check; nothing was handed over.
    #[error("{reason}")]
    Refused {
        /// Why not.
        reason: String,
    },
    /// The content is not what it should be.
    #[error(transparent)]
    Content(E),
}

impl<E: std::error::Error + 'static> ReadError<E> {
    /// Whether the store refuses everything, so that other files would fare no better.
    pub fn is_store_gone(&self) -> bool {
        let Self::Fetch(problem) = self else { return false };
        matches!(problem.kind, ProblemKind::Credentials | ProblemKind::Unavailable)
    }

    /// Finds out whether reading failed because fetching did.
    fn of(error: io::Error) -> Self {
        match error.downcast::<Problem>() {
            Ok(problem) => Self::Fetch(problem),
            Err(error) => Self::Io(error),
        }
    }
}

/// Unpacks one file after the other, reusing its buffers.
pub struct Unpacker {
    inflate: Decompressor,
    packed: Vec<u8>,
    unpacked: Vec<u8>,
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

impl Default for Unpacker {
    fn default() -> Self {
        Self::new()
    }
}

impl Unpacker {
    /// Makes an unpacker.
    pub fn new() -> Self {
        Self { inflate: Decompressor::new(), packed: Vec::new(), unpacked: Vec::new() }
    }

    /// Hands the content of a file to `feed`, in windows of consecutive bytes.
    ///
    /// `feed` gets a window and whether it is the last, and returns how many bytes it took; the rest comes again with
    /// more behind it. A small file is one window. What was unpacked before damage has been handed over when this
    /// fails; the last window is then never marked as such. Blocks until the bytes are there.
    pub fn read<E: std::error::Error>(
        &mut self,
        opening: Opening,
        feed: &mut impl FnMut(&[u8], bool) -> Result<usize, E>,
    ) -> Result<(), ReadError<E>> {
        let size_bytes = opening.size_bytes;
        match opening.wait().map_err(ReadError::Fetch)? {
            Content::Whole { bytes, _room } => self.read_whole(&bytes, feed),
            Content::Pieces(pieces) => self.read_large(pieces, size_bytes, feed),
            Content::Local(path) => {
                let mut source = File::open(path).map_err(ReadError::Io)?;
                if size_bytes > WHOLE_BYTES {
                    return self.read_large(BufReader::with_capacity(1 << 20, source), size_bytes, feed);
                }
                let mut packed = std::mem::take(&mut self.packed);
                packed.clear();
                let outcome = match source.read_to_end(&mut packed) {
                    Ok(_) => self.read_whole(&packed, feed),
                    Err(error) => Err(ReadError::Io(error)),
                };
                self.packed = packed;
                outcome
            }
        }
    }

    /// Does as [`read`](Self::read), once `check` has passed the stored bytes: those that are unpacked then, whatever
    /// becomes of the file meanwhile.
    ///
    /// The file is held in memory; one that is larger than any that CloudTrail delivers is refused.
    pub fn read_checked<E: std::error::Error>(
        &mut self,
        opening: Opening,
        check: &mut dyn FnMut(&[u8]) -> Result<(), String>,
        feed: &mut impl FnMut(&[u8], bool) -> Result<usize, E>,
    ) -> Result<(), ReadError<E>> {
        if opening.size_bytes > WHOLE_BYTES {
            let reason = format!("has {} bytes; no log file that CloudTrail delivers does", opening.size_bytes);
            return Err(ReadError::Refused { reason });
        }
        let mut pass = |packed: &[u8]| check(packed).map_err(|reason| ReadError::Refused { reason });
        match opening.wait().map_err(ReadError::Fetch)? {
            Content::Whole { bytes, _room } => {
                pass(&bytes)?;
                self.read_whole(&bytes, feed)
            }
            Content::Local(path) => {
                // Not a byte more than was listed, should the file be growing.
                let mut packed = Vec::new();
                let source = File::open(path).map_err(ReadError::Io)?;
                source.take(WHOLE_BYTES).read_to_end(&mut packed).map_err(ReadError::Io)?;
                pass(&packed)?;
                self.read_whole(&packed, feed)
            }
            Content::Pieces(_) => Err(ReadError::Refused { reason: "is too large to be checked".to_owned() }),
        }
    }

    fn read_whole<E: std::error::Error>(
        &mut self,
        packed: &[u8],
        feed: &mut impl FnMut(&[u8], bool) -> Result<usize, E>,
    ) -> Result<(), ReadError<E>> {
        if !packed.starts_with(GZIP_MAGIC) {
            return feed(packed, true).map(|_| ()).map_err(ReadError::Content);
        }
        if self.inflate_whole(packed) {
            return feed(&self.unpacked, true).map(|_| ()).map_err(ReadError::Content);
        }
        self.read_windows(MultiGzDecoder::new(packed), Some(packed.len() as u64), feed)
    }

    fn read_large<E: std::error::Error>(
        &mut self,
        mut source: impl BufRead,
        size_bytes: u64,
        feed: &mut impl FnMut(&[u8], bool) -> Result<usize, E>,
    ) -> Result<(), ReadError<E>> {
        let head = source.fill_buf().map_err(ReadError::of)?;
        if head.starts_with(GZIP_MAGIC) {
            self.read_windows(MultiGzDecoder::new(source), Some(size_bytes), feed)
        } else {
            self.read_windows(source, None, feed)
        }
    }

    /// Unpacks a file of one gzip member at once; false if it is anything else, or damaged.
    fn inflate_whole(&mut self, packed: &[u8]) -> bool {
        let Some(trailer) = packed.last_chunk::<8>() else { return false };
        let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
        let (crc, size) = (u32::from_le_bytes([c0, c1, c2, c3]), u32::from_le_bytes([s0, s1, s2, s3]));
        let plausible = u64::from(size) <= WHOLE_BYTES.min((packed.len() as u64 * BOMB_RATIO).max(BOMB_FLOOR_BYTES));
        // A second member would begin with the magic again. By chance it also occurs in one of 80 files of 200 kB,
        // which then take the slower way.
        if !plausible || memmem::find(&packed[GZIP_MAGIC.len()..], GZIP_MAGIC).is_some() {
            return false;
        }
        self.unpacked.resize(size as usize, 0);
        if !matches!(self.inflate.gzip_decompress(packed, &mut self.unpacked), Ok(length) if length == size as usize) {
            return false;
        }
        // Bytes behind the stream would have been taken for the trailer.
        let mut check = Crc::new();
        check.update(&self.unpacked);
        check.sum() == crc
    }

    /// Reads `source` window by window; `packed_bytes` is the size of the gzip file behind it, if it is one.
    fn read_windows<E: std::error::Error>(
        &mut self,
        mut source: impl Read,
        packed_bytes: Option<u64>,
        feed: &mut impl FnMut(&[u8], bool) -> Result<usize, E>,
    ) -> Result<(), ReadError<E>> {
        let window = &mut self.unpacked;
        window.clear();
        let mut capacity = WINDOW_BYTES;
        let mut total: u64 = 0;
        loop {
            let wanted = capacity - window.len();
            let got = (&mut source).take(wanted as u64).read_to_end(window);
            let got = match got {
                Ok(got) => got,
                Err(error) => {
                    // What came before the damage is good, and read_to_end keeps it.
                    let unpacked_bytes = total + window.len() as u64;
                    feed(window, false).map_err(ReadError::Content)?;
                    return Err(match ReadError::of(error) {
                        ReadError::Io(error) if packed_bytes.is_some() => {
                            ReadError::Gzip { unpacked_bytes, reason: error.to_string() }
                        }
                        error => error,
                    });
                }
            };
            total += got as u64;
            if let Some(packed_bytes) = packed_bytes
                && total > BOMB_FLOOR_BYTES.max(packed_bytes.saturating_mul(BOMB_RATIO))
            {
                return Err(ReadError::Bomb { packed_bytes, unpacked_bytes: total });
            }
            let last = got < wanted;
            let taken = feed(window, last).map_err(ReadError::Content)?;
            if last {
                return Ok(());
            }
            window.drain(..taken);
            if window.len() == capacity {
                capacity *= 2;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::listing::LogFile;
    use crate::read_ahead::ReadAhead;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    /// Everything that was handed over, in windows of which half is taken at a time.
    fn read(content: &[u8]) -> (Vec<u8>, Result<(), ReadError<Infallible>>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json.gz");
        std::fs::write(&path, content).expect("written");
        let file = LogFile::local(path.clone(), &path.metadata().expect("there"));
        let mut got = Vec::new();
        let outcome = Unpacker::new().read(ReadAhead::new().open(file).opening, &mut |window, last| {
            let taken = if last { window.len() } else { window.len() / 2 };
            got.extend_from_slice(&window[..taken]);
            Ok(taken)
        });
        (got, outcome)
    }

    fn text(length: usize) -> Vec<u8> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"abcdefgh {}\":,"[(state >> 24) as usize % 14]
        };
        (0..length).map(|_| next()).collect()
    }

    #[test]
    fn what_is_checked_is_what_is_handed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json.gz");
        let packed = gzip(b"content");
        std::fs::write(&path, &packed).expect("written");
        let read = |answer: Result<(), String>| {
            let file = LogFile::local(path.clone(), &path.metadata().expect("there"));
            let mut got = Vec::new();
            let mut check = |bytes: &[u8]| {
                assert_eq!(bytes, packed);
                std::fs::write(&path, gzip(b"another")).expect("written");
                answer.clone()
            };
            let outcome =
                Unpacker::new().read_checked(ReadAhead::new().open(file).opening, &mut check, &mut |window, _| {
                    got.extend_from_slice(window);
                    Ok::<_, Infallible>(window.len())
                });
            std::fs::write(&path, &packed).expect("written");
            (got, outcome)
        };
        let (got, outcome) = read(Ok(()));
        assert_eq!((got.as_slice(), outcome.is_ok()), (&b"content"[..], true));
        let (got, outcome) = read(Err("no".to_owned()));
        assert!(got.is_empty() && matches!(outcome, Err(ReadError::Refused { reason }) if reason == "no"));
    }

    #[test]
    fn unpacks_plain_packed_and_repeatedly_packed_files() {
        let content = text(5_000_000);
        for packed in
            [content.clone(), gzip(&content), [gzip(&content[..2_000_000]), gzip(&content[2_000_000..])].concat()]
        {
            let (got, outcome) = read(&packed);
            outcome.expect("whole");
            assert!(got == content);
        }
        let twice = [gzip(&content), gzip(&content)].concat();
        assert_eq!(read(&twice).0.len(), 10_000_000);
        assert!(read(b"").1.is_ok());
    }

    #[test]
    fn hands_over_what_came_before_damage() {
        let content = text(5_000_000);
        let packed = gzip(&content);
        let (got, outcome) = read(&packed[..packed.len() / 2]);
        assert!(matches!(outcome, Err(ReadError::Gzip { .. })));
        assert!(!got.is_empty() && content.starts_with(&got));
        assert!(matches!(read(&[packed.as_slice(), b"tail"].concat()).1, Err(ReadError::Gzip { .. })));
        let mut flipped = packed.clone();
        let middle = packed.len() / 2;
        flipped[middle] ^= 0x55;
        assert!(matches!(read(&flipped).1, Err(ReadError::Gzip { .. })));
    }

    #[test]
    fn refuses_bombs() {
        let (_, outcome) = read(&gzip(&vec![b' '; 20 << 20]));
        assert!(matches!(outcome, Err(ReadError::Bomb { .. })));
    }
}
