//! A lake of the handmade events, made once per test binary.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Returns a lake that tests only read.
pub(crate) fn lake() -> &'static Path {
    static LAKE: OnceLock<PathBuf> = OnceLock::new();
    LAKE.get_or_init(|| {
        let lake = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("lake-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&lake);
        ingest(&lake, "categories");
        lake
    })
}

/// Takes `testdata/made/<source>` into the lake at `lake`.
pub(crate) fn ingest(lake: &Path, source: &str) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/made").join(source);
    let status = Command::new(env!("CARGO_BIN_EXE_trailql"))
        .args(["--quiet", "--lake", lake.to_str().expect("a UTF-8 path"), "ingest"])
        .arg(source)
        .status()
        .expect("trailql runs");
    assert!(status.success());
}
