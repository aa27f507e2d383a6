//! What a crash leaves of a file that was being written to a local lake.
//!
//! The store writes to `<name>#<number>` first and renames it at the end; it neither lists nor deletes such files, so this
//! is the one place that looks into the folder itself. An object store shows no object before it is whole.

use std::path::{Path as FsPath, PathBuf};
use std::time::{Duration, SystemTime};

use object_store::path::Path;
use trailql_lake::file_format::is_data_path;
use trailql_lake::{is_index_path, is_ledger_path, is_log_path, is_proof_path};
use walkdir::WalkDir;

use super::plan::UNCOMMITTED;

/// Depth of a data file: `region=…/date=…/part-….parquet#1`.
const DEPTH: usize = 3;

/// Finds unfinished files below `root` that are too old to belong to a writer at work, with their sizes.
pub(super) fn unfinished_files(root: &FsPath) -> std::io::Result<Vec<(PathBuf, u64)>> {
    let young = SystemTime::now() - UNCOMMITTED.to_std().unwrap_or(Duration::MAX);
    let mut found = Vec::new();
    for entry in WalkDir::new(root).max_depth(DEPTH) {
        let entry = entry?;
        let relative = entry.path().strip_prefix(root).ok().and_then(FsPath::to_str);
        if !entry.file_type().is_file() || !relative.is_some_and(is_unfinished) {
            continue;
        }
        let metadata = entry.metadata()?;
        if metadata.modified()? <= young {
            found.push((entry.into_path(), metadata.len()));
        }
    }
    Ok(found)
}

/// Whether a path is one of the lake's own with `#` and a number behind it.
fn is_unfinished(path: &str) -> bool {
    let Some((path, number)) = path.rsplit_once('#') else { return false };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let path = Path::from(path.replace(std::path::MAIN_SEPARATOR, "/"));
    let is_own = [is_data_path, is_ledger_path, is_index_path, is_log_path, is_proof_path];
    is_number && is_own.iter().any(|is_own| is_own(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_a_crash_leaves() {
        for path in [
            "region=a/date=2024-03-01/part-4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.parquet#1",
            "_ledger/4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.ids#12",
            "_index/4bd0b0a8-14a9-4a3a-bf6a-0a8a35a0a000.blooms#12",
            "_delta_log/00000000000000000007.json#1",
            "_integrity/logs/20240301T100000000Z-1-00000.parquet#1",
        ] {
            assert!(is_unfinished(path), "{path}");
        }
        for path in ["notes#1", "_delta_log/00000000000000000007.json", "_delta_log/00000000000000000007.json#x"] {
            assert!(!is_unfinished(path), "{path}");
        }
    }
}
