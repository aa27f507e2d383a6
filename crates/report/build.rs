//! Puts the query library and the packs of `sql/` into the binary.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The library, seen from this crate.
const LIBRARY: &str = "../../sql";

fn main() -> io::Result<()> {
    let library = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join(LIBRARY).canonicalize()?;
    let mut files = Vec::new();
    for entry in fs::read_dir(&library)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, &mut files)?;
        }
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&library).map_err(io::Error::other)?;
        writeln!(list, "    ({name:?}, include_str!({file:?})),").map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    println!("cargo::rerun-if-changed={LIBRARY}");
    fs::write(PathBuf::from(env::var("OUT_DIR").expect("cargo sets it")).join("library.rs"), list)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "sql" || ending == "toml") {
            files.push(path);
        }
    }
    Ok(())
}
