//! A folder with logs and a lake, and the binary to work on them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// A fresh folder for one test.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a log file below `logs/`.
    pub(crate) fn log(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path("logs").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The binary, pointed at this place's lake.
    pub(crate) fn trailql(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailql"));
        command.current_dir(self.folder.path()).env("TRAILQL_LAKE", self.path("lake"));
        command.env_remove("RUST_LOG").stdin(Stdio::null());
        command
    }

    /// Runs `trailql ingest logs` to its end and returns the account.
    pub(crate) fn ingest(&self) -> Value {
        let output = self.trailql().args(["ingest", "--json", "--quiet", "logs"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
    }

    /// Rows of the lake as `region date event`, sorted.
    pub(crate) fn rows(&self) -> Vec<String> {
        let query = "SELECT region, date, eventjson FROM cloudtrail_logs";
        let output = self.trailql().args(["sql", "--format", "jsonl", "-c", query]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let mut rows: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
        rows.sort();
        rows
    }
}

/// Runs a command and kills it after some milliseconds, if it has not ended by then.
pub(crate) fn kill_after(command: &mut Command, millis: u64) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(millis));
    child.kill().unwrap();
    child.wait().unwrap();
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Exit code and stderr of a finished run.
pub(crate) fn outcome(output: &Output) -> (i32, String) {
    (output.status.code().unwrap_or(-1), text(&output.stderr))
}

/// A file of the bundled test data.
pub(crate) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}

/// A log file with `count` events that start at number `first`.
pub(crate) fn records(first: usize, count: usize) -> String {
    wide_records(first, count, 0)
}

/// The same with events that are larger by some bytes.
pub(crate) fn wide_records(first: usize, count: usize, filler_bytes: usize) -> String {
    let filler = "x".repeat(filler_bytes);
    let event = |n: usize| {
        let (day, region) = (n % 3 + 1, ["us-east-1", "eu-west-1"][n % 2]);
        format!(
            r#"{{"eventVersion":"1.08","eventID":"event-{n}","eventTime":"2024-03-{day:02}T10:00:{:02}Z","awsRegion":"{region}","eventName":"Call{}","requestParameters":{{"n":{n},"filler":"{filler}"}},"responseElements":null}}"#,
            n % 60,
            n % 7
        )
    };
    format!("{{\"Records\":[{}]}}", (first..first + count).map(event).collect::<Vec<_>>().join(","))
}
