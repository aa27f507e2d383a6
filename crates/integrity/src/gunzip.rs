//! SHA-256 of what a gzip file holds, by the rules of CloudTrail's digests: one member, and nothing behind it.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;
use libdeflater::Decompressor;
use memchr::memmem;
use ring::digest::{Context, SHA256};

/// SHA-256 of something.
pub(crate) type Sha256 = [u8; 32];

/// Files up to this size, unpacked, are unpacked in one piece.
const WHOLE_BYTES: usize = 16 << 20;

/// Piece of larger files.
const WINDOW_BYTES: usize = 256 << 10;

/// CRC and length at the end of a gzip member.
const TRAILER_BYTES: usize = 8;

/// Why a gzip file proves nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GunzipError {
    /// The file could not be read.
    #[error("{0}")]
    Read(io::Error),
    /// No gzip, or damaged.
    #[error("{0}")]
    Format(io::Error),
    /// It ends before its end.
    #[error("it is cut off")]
    CutOff {
        /// Hash of what there is.
        so_far: Sha256,
    },
    /// There is something behind the gzip member, which its hash does not cover.
    #[error("unexpected data after end of compressed stream")]
    TrailingData,
    /// It unpacks to more than was asked for.
    #[error("it unpacks to more than {limit_bytes} bytes")]
    TooLarge { limit_bytes: u64 },
}

/// Unpacks files, one after the other, in memory that it keeps.
pub(crate) struct Gunzip {
    inflate: Decompressor,
    unpacked: Vec<u8>,
}

impl Gunzip {
    pub(crate) fn new() -> Self {
        Self { inflate: Decompressor::new(), unpacked: Vec::new() }
    }

    /// SHA-256 of what `packed` unpacks to.
    pub(crate) fn sha256(&mut self, packed: &[u8]) -> Result<Sha256, GunzipError> {
        match self.inflate_whole(packed) {
            Some(unpacked) => Ok(sha256(unpacked)),
            None => sha256_of_stream(packed),
        }
    }

    /// What `packed` unpacks to, and whether there is something behind it; at most `limit_bytes`.
    pub(crate) fn unpack(&mut self, packed: &[u8], limit_bytes: u64) -> Result<(Vec<u8>, bool), GunzipError> {
        if let Some(unpacked) = self.inflate_whole(packed) {
            return Ok((unpacked.to_vec(), false));
        }
        let mut unpacked = Vec::new();
        let trailing = read_member(packed, limit_bytes, |window| unpacked.extend_from_slice(window))?;
        Ok((unpacked, trailing))
    }

    /// Unpacks a file that is one sound member with nothing behind it; `None` for any other, and for large ones.
    fn inflate_whole(&mut self, packed: &[u8]) -> Option<&[u8]> {
        let trailer = packed.last_chunk::<TRAILER_BYTES>()?;
        let [.., s0, s1, s2, s3] = *trailer;
        let size = u32::from_le_bytes([s0, s1, s2, s3]) as usize;
        // The unpacker compares CRC and length with the trailer that it meets, and does not say where it met it. If
        // these bytes are nowhere else in the file, it was at the end, and there is nothing behind it.
        if size > WHOLE_BYTES || memmem::find(packed, trailer) != Some(packed.len() - TRAILER_BYTES) {
            return None;
        }
        self.unpacked.resize(size, 0);
        let length = self.inflate.gzip_decompress(packed, &mut self.unpacked).ok()?;
        let mut check = libdeflater::Crc::new();
        check.update(&self.unpacked);
        (length == size && trailer.starts_with(&check.sum().to_le_bytes())).then_some(&self.unpacked)
    }
}

/// SHA-256 of what the one gzip member in `packed` unpacks to, in little memory.
pub(crate) fn sha256_of_stream(packed: impl BufRead) -> Result<Sha256, GunzipError> {
    let mut hash = Context::new(&SHA256);
    match read_member(packed, u64::MAX, |window| hash.update(window)) {
        Ok(false) => Ok(finish(hash)),
        Ok(true) => Err(GunzipError::TrailingData),
        Err(GunzipError::Format(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(GunzipError::CutOff { so_far: finish(hash) })
        }
        Err(error) => Err(error),
    }
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> Sha256 {
    let mut hash = Context::new(&SHA256);
    hash.update(bytes);
    finish(hash)
}

fn finish(hash: Context) -> Sha256 {
    let mut sum = Sha256::default();
    sum.copy_from_slice(hash.finish().as_ref());
    sum
}

/// Feeds one member to `feed`, window by window; whether anything lies behind it.
fn read_member(packed: impl BufRead, limit_bytes: u64, mut feed: impl FnMut(&[u8])) -> Result<bool, GunzipError> {
    let mut member = GzDecoder::new(packed);
    let mut window = vec![0; WINDOW_BYTES];
    let mut total = 0;
    loop {
        match member.read(&mut window) {
            Ok(0) => break,
            Ok(got) => {
                total += got as u64;
                if total > limit_bytes {
                    return Err(GunzipError::TooLarge { limit_bytes });
                }
                feed(&window[..got]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_about_content(&error) => return Err(GunzipError::Format(error)),
            Err(error) => return Err(GunzipError::Read(error)),
        }
    }
    let mut behind = member.into_inner();
    Ok(!behind.fill_buf().map_err(GunzipError::Read)?.is_empty())
}

/// What the unpacker says about bytes, rather than the reader about reading them.
fn is_about_content(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn both_ways_of_unpacking_agree() {
        let mut gunzip = Gunzip::new();
        let mut agree = |content: &[u8], level| {
            let packed = gzip(content, level);
            assert_eq!(gunzip.sha256(&packed).expect("sound"), sha256(content));
            assert_eq!(sha256_of_stream(packed.as_slice()).expect("sound"), sha256(content));
        };
        for size in [0_usize, 1, 1000, 300_000] {
            let content: Vec<u8> = (0..size).map(|n| (n * n % 251) as u8).collect();
            [0, 1, 9].into_iter().for_each(|level| agree(&content, level));
        }
        agree(&vec![b' '; WHOLE_BYTES + 1], 1);
    }

    #[test]
    fn sees_what_lies_behind_the_member_however_it_is_dressed_up() {
        let packed = gzip(b"some content", 6);
        let trailer = packed.last_chunk::<TRAILER_BYTES>().expect("a trailer").as_slice();
        let mut gunzip = Gunzip::new();
        for behind in [&b"x"[..], trailer, &[b"more".as_slice(), trailer].concat(), &packed] {
            let longer = [packed.as_slice(), behind].concat();
            assert!(matches!(gunzip.sha256(&longer), Err(GunzipError::TrailingData)), "{behind:?}");
            assert!(gunzip.unpack(&longer, 100).expect("unpacked").1);
        }
    }

    #[test]
    fn refuses_what_is_no_gzip_or_cut_off_or_too_large() {
        let packed = gzip(&[b' '; 1000], 6);
        let mut gunzip = Gunzip::new();
        for bad in [&b"no gzip at all"[..], &packed[1..]] {
            assert!(matches!(gunzip.sha256(bad), Err(GunzipError::Format(_))), "{bad:?}");
        }
        for cut in [0, 5, packed.len() - TRAILER_BYTES, packed.len() - 1] {
            assert!(matches!(gunzip.sha256(&packed[..cut]), Err(GunzipError::CutOff { .. })), "{cut}");
        }
        let large = gzip(&vec![b' '; WHOLE_BYTES + 1], 6);
        assert!(matches!(gunzip.unpack(&large, 1000), Err(GunzipError::TooLarge { .. })));
    }
}
