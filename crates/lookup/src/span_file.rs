//! Log files that hold the events of one span of time.
//!
//! ```text
//! FOLDER/us-east-1/20240301T000000Z_20240302T000000Z.json.gz
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::coverage::Span;
use crate::error::LookupError;

const TIME: &str = "%Y%m%dT%H%M%SZ";

const ENDING: &str = ".json.gz";

/// Events show in the history within about 15 minutes of the call (User Guide, "Viewing recent management events");
/// what is younger is asked for again.
const SETTLED_AFTER: TimeDelta = TimeDelta::minutes(30);

/// The spans of a region that need not be asked for again.
pub(crate) fn covered(folder: &Path) -> Result<Vec<Span>, LookupError> {
    let failed = |source| LookupError::Folder { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut spans = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let Some(mut span) = entry.file_name().to_str().and_then(parse) else { continue };
        let written: DateTime<Utc> = entry.metadata().and_then(|file| file.modified()).map_err(failed)?.into();
        span.end = span.end.min(written - SETTLED_AFTER);
        spans.push(span);
    }
    spans.retain(|span| !span.is_empty());
    Ok(spans)
}

/// Writes the events of a span, each as CloudTrail gave it; the file is there whole or not at all.
pub(crate) fn write(folder: &Path, span: Span, events: &[String]) -> Result<PathBuf, LookupError> {
    let path = folder.join(name(span));
    let failed = |source| LookupError::Folder { path: path.clone(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    let file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let mut gzip = GzEncoder::new(file, Compression::default());
    let mut put = |bytes: &[u8]| gzip.write_all(bytes).map_err(failed);
    put(b"{\"Records\":[")?;
    for (n, event) in events.iter().enumerate() {
        put(if n == 0 { b"\n" } else { b",\n" })?;
        put(event.as_bytes())?;
    }
    put(b"\n]}\n")?;
    let file = gzip.finish().map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(path)
}

fn name(span: Span) -> String {
    format!("{}_{}{ENDING}", span.start.format(TIME), span.end.format(TIME))
}

fn parse(name: &str) -> Option<Span> {
    let (start, end) = name.strip_suffix(ENDING)?.split_once('_')?;
    let time = |text: &str| NaiveDateTime::parse_from_str(text, TIME).ok().map(|time| time.and_utc());
    Some(Span { start: time(start)?, end: time(end)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_span_is_covered_once_it_has_settled() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = DateTime::from_timestamp(Utc::now().timestamp(), 0).expect("a time");
        let old = Span { start: now - TimeDelta::days(2), end: now - TimeDelta::days(1) };
        let young = Span { start: now - TimeDelta::hours(1), end: now };
        for span in [old, young] {
            write(folder.path(), span, &["{}".to_owned()]).expect("written");
        }
        fs::write(folder.path().join("notes.txt"), "x").expect("written");
        let mut spans = covered(folder.path()).expect("listed");
        spans.sort();
        assert_eq!(spans[0], old);
        assert_eq!(spans[1].start, young.start);
        assert!(spans[1].end < now - TimeDelta::minutes(25));
        assert!(covered(&folder.path().join("none")).expect("empty").is_empty());
    }
}
