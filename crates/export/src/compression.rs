//! Compression of whole files.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use flate2::write::GzEncoder;

/// The level that zstd itself takes by default.
const ZSTD_LEVEL: i32 = 3;

/// How a file is compressed as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// One gzip member.
    Gzip,
    /// One zstd frame.
    Zstd,
}

impl Compression {
    /// Every way, in the order that help shows.
    pub const ALL: [Self; 3] = [Self::None, Self::Gzip, Self::Zstd];

    /// Returns the name used on the command line and in `COPY`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// Returns what file names end in, with the dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zstd => ".zst",
        }
    }

    /// Tells by the end of a file's name.
    pub fn of_name(name: &str) -> Self {
        let is = |way: &Self| *way != Self::None && name.to_ascii_lowercase().ends_with(way.ending());
        Self::ALL.into_iter().find(is).unwrap_or_default()
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name.to_ascii_lowercase().as_str() {
            "none" | "uncompressed" => Ok(Self::None),
            "gzip" | "gz" => Ok(Self::Gzip),
            "zstd" | "zst" => Ok(Self::Zstd),
            other => Err(format!("no compression named '{other}'; there are none, gzip and zstd")),
        }
    }
}

/// Compresses the bytes of one file as they come.
pub(crate) enum Packer {
    None,
    Gzip(Box<GzEncoder<Vec<u8>>>),
    Zstd(Box<zstd::stream::write::Encoder<'static, Vec<u8>>>),
}

impl Packer {
    pub(crate) fn new(compression: Compression) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::None,
            Compression::Gzip => Self::Gzip(Box::new(GzEncoder::new(Vec::new(), flate2::Compression::default()))),
            Compression::Zstd => Self::Zstd(Box::new(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?)),
        })
    }

    /// Returns what is ready to be written once `bytes` came in; `None` if that is `bytes` themselves.
    pub(crate) fn pack(&mut self, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        Ok(match self {
            Self::None => None,
            Self::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                Some(std::mem::take(encoder.get_mut()))
            }
            Self::Zstd(encoder) => {
                encoder.write_all(bytes)?;
                Some(std::mem::take(encoder.get_mut()))
            }
        })
    }

    /// Returns the last bytes.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::None => Ok(Vec::new()),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        for way in [Compression::Gzip, Compression::Zstd] {
            let mut packer = Packer::new(way).unwrap();
            let mut packed = packer.pack(b"one, ").unwrap().unwrap();
            packed.extend(packer.pack(b"two").unwrap().unwrap());
            packed.extend(packer.finish().unwrap());
            let mut text = String::new();
            match way {
                Compression::Gzip => flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text),
                _ => zstd::stream::read::Decoder::new(&packed[..]).unwrap().read_to_string(&mut text),
            }
            .unwrap();
            assert_eq!(text, "one, two");
        }
    }

    #[test]
    fn names_tell() {
        assert_eq!(Compression::of_name("a.csv.GZ"), Compression::Gzip);
        assert_eq!(Compression::of_name("a.csv.zst"), Compression::Zstd);
        assert_eq!(Compression::of_name("a.csv"), Compression::None);
    }
}
