//! Standard input as a log file.

use std::io::{self, Read, Write};
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::listing::{LogFile, Place};

/// What stands for standard input among sources.
pub(crate) const STDIN: &str = "-";

/// Value of `sourcefile` of its events.
const NAME: &str = "stdin";

const BUFFER_BYTES: usize = 1 << 20;

/// Reads `input` to its end into a temporary file, which lasts as long as the log file is in use.
///
/// Logs may be larger than memory, and are told packed or not by their first bytes. The same content is the same file.
pub(crate) fn spool(mut input: impl Read) -> io::Result<LogFile> {
    let mut file = tempfile::NamedTempFile::new()?;
    let (mut hash, mut size_bytes) = (Xxh3::new(), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        file.write_all(&buffer[..read])?;
        size_bytes += read as u64;
    }
    file.flush()?;
    Ok(LogFile {
        name: NAME.to_owned(),
        size_bytes,
        identity: hash.digest128(),
        modified: None,
        key: None,
        place: Place::Spooled(Arc::new(file.into_temp_path())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_is_the_same_file() {
        let identity = |text: &str| spool(text.as_bytes()).expect("spooled").identity;
        assert_eq!(identity("{}"), identity("{}"));
        assert_ne!(identity("{}"), identity("{ }"));
    }
}
