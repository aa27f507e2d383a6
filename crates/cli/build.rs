//! Puts the bundled events of `trailql demo` into the binary.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Bundled events, seen from this crate.
const EVENTS: &str = "../../testdata/real";

/// The sources that tell a story together; each with its licence in testdata/README.md.
const SOURCES: [&str; 5] = [
    "DataDog__stratus-red-team",
    "invictus-ir__aws_dataset",
    "opensearch-project__opensearch-catalog",
    "rubysoho07__cloudtrail-watcher",
    "umccr__cloudtrail-parquet-lambda",
];

fn main() -> io::Result<()> {
    let events = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join(EVENTS).canonicalize()?;
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&events.join(source), &mut files)?;
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&events).map_err(io::Error::other)?;
        writeln!(list, "    ({name:?}, include_bytes!({file:?})),").map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    let target = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("bundled_events.rs");
    println!("cargo::rerun-if-changed={EVENTS}");
    fs::write(target, list)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
