//! `trailql sql` as scripts use it: input, output, exit codes.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::made_lake;

fn trailql(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailql"));
    command.args(["--lake", made_lake::lake().to_str().unwrap(), "sql"]).args(args).stdin(Stdio::null());
    command
}

fn output(args: &[&str]) -> Output {
    trailql(args).output().unwrap()
}

/// Runs a query that must succeed, and returns its output with plain line ends.
fn stdout(args: &[&str]) -> String {
    let output = output(args);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn writes_csv_into_a_pipe() {
    assert_eq!(stdout(&["-c", "SELECT 1 AS a, 'x,y' AS b"]), "a,b\n1,\"x,y\"\n");
    let output = output(&["-c", "SELECT 1 AS a"]);
    assert_eq!(output.stdout, b"a\r\n1\r\n");
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn takes_statements_from_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.sql");
    std::fs::write(&file, "-- two\nSELECT 2 AS n;\n").unwrap();
    assert_eq!(
        stdout(&["-c", "SELECT 1 AS n; SELECT 11 AS n", "-f", file.to_str().unwrap()]),
        "n\n1\n\nn\n11\n\nn\n2\n"
    );

    let mut child = trailql(&["--format", "jsonl"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"SELECT 3 AS n; SELECT 4 AS n;").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "{\"n\":3}\n{\"n\":4}\n");
}

#[test]
fn reads_foreign_table_names_as_the_lake_and_says_so() {
    let sql = "SELECT count(*) AS n FROM my_trail_2024 WHERE eventname = 'GetBucketPolicy'";
    let lenient = output(&["-c", sql]);
    assert_eq!(lenient.status.code(), Some(0));
    assert_eq!(stderr(&lenient), "notice: my_trail_2024 is read as cloudtrail_logs; --strict refuses such names\n");

    let strict = output(&["--strict", "-c", sql]);
    assert_eq!(strict.status.code(), Some(1));
    assert!(stderr(&strict).contains("no table named 'my_trail_2024'"), "{}", stderr(&strict));

    let unlike = "SELECT 1 AS n FROM audit LIMIT 1";
    assert_eq!(output(&["-c", unlike]).status.code(), Some(1));
    assert_eq!(stdout(&["--table", "audit", "-c", unlike]), "n\n1\n");
}

#[test]
fn reads_the_lake_and_its_views() {
    assert_eq!(stdout(&["-c", "SELECT count(*) AS n FROM network_activity_events"]), "n\n1\n");
    let sql = "SELECT eventName FROM cloudtrail_logs WHERE userIdentity.type = $kind AND readOnly = 'true'";
    assert_eq!(stdout(&["-c", sql, "--param", "kind=Root"]), "eventname\nGetBucketPolicy\n");
}

#[test]
fn reads_log_files_in_place() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/made/categories/data.json");
    let sql = "SELECT eventname FROM cloudtrail_raw";
    assert_eq!(stdout(&["--raw", source.to_str().unwrap(), "-c", sql]), "eventname\nGetObject\n");
    // A lake is not needed for it.
    let output = Command::new(env!("CARGO_BIN_EXE_trailql"))
        .args(["--lake", "/nonexistent/lake", "sql", "--raw", source.to_str().unwrap(), "-c", sql])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[test]
fn a_log_file_that_cannot_be_read_is_named_and_fails_the_run() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/made/bad/truncated.json.gz");
    let output = output(&["--raw", source.to_str().unwrap(), "-c", "SELECT count(*) AS n FROM cloudtrail_raw"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("truncated.json.gz"), "{}", stderr(&output));
}

#[test]
fn a_failing_statement_stops_the_script_and_fails_it() {
    let output = output(&["-c", "SELECT 1 AS n; SELECT nonsense FROM cloudtrail_logs; SELECT 2 AS n"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(output.stdout, b"n\r\n1\r\n");
    let text = stderr(&output);
    assert!(
        text.contains("no column named 'nonsense'") && text.contains("1:23") && text.contains("^^^^^^^^"),
        "{text}"
    );
}

#[test]
fn errors_of_a_file_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.sql");
    std::fs::write(&file, "SELECT 1;\n\nSELECT\n  evntname\nFROM errors;\n").unwrap();
    let output = output(&["-f", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("broken.sql: no column named 'evntname'"), "{}", stderr(&output));
    assert!(stderr(&output).contains(" 4:3 "), "{}", stderr(&output));
}

#[test]
fn wrong_usage_exits_with_2() {
    assert_eq!(output(&["--nonsense"]).status.code(), Some(2));
    assert_eq!(output(&["--format", "nonsense", "-c", "SELECT 1"]).status.code(), Some(2));
    assert_eq!(output(&["--param", "nonsense", "-c", "SELECT 1"]).status.code(), Some(2));
    assert_eq!(output(&["-f", "/nonexistent.sql"]).status.code(), Some(2));
    assert_eq!(output(&["--raw", "/nonexistent", "-c", "SELECT 1"]).status.code(), Some(2));
    assert_eq!(output(&["--format", "parquet", "-c", "SELECT 1; SELECT 2"]).status.code(), Some(2));
}

#[test]
fn a_missing_lake_is_wrong_usage_with_a_hint() {
    let output = Command::new(env!("CARGO_BIN_EXE_trailql"))
        .args(["--lake", "/nonexistent/lake", "sql", "-c", "SELECT 1"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("no lake at") && text.contains("trailql ingest"), "{text}");
}

#[test]
fn output_files_are_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let path_text = path.to_str().unwrap();
    stdout(&["-o", path_text, "-c", "SELECT 1 AS n"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"n\r\n1\r\n");
    assert_eq!(output(&["-o", path_text, "-c", "SELECT 2 AS n; SELECT nonsense"]).status.code(), Some(1));
    assert_eq!(std::fs::read(&path).unwrap(), b"n\r\n1\r\n");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    let output = output(&["-o", "/nonexistent/out.csv", "-c", "SELECT 1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("/nonexistent/out.csv"), "{}", stderr(&output));
}

#[test]
fn parquet_goes_through_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.parquet");
    stdout(&["--format", "parquet", "-o", path.to_str().unwrap(), "-c", "SELECT * FROM cloudtrail_logs"]);
    let sql = format!(
        "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{}'; SELECT count(*) > 10 AS ok FROM t",
        path.display()
    );
    assert_eq!(stdout(&["-c", &sql]), "ok\ntrue\n");
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let mut child = trailql(&["-c", "SELECT value FROM generate_series(1, 1000000000)"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut start = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn an_interrupt_exits_with_130() {
    let mut child = trailql(&["-c", "SELECT value FROM generate_series(1, 1000000000000)"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    // It runs: rows have come.
    stdout.read_exact(&mut [0; 16]).unwrap();
    let id = child.id().to_string();
    let reader = std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    reader.join().unwrap().unwrap();
}

#[test]
fn tells_what_a_statement_took() {
    let output = output(&["--json", "-c", "SELECT eventid FROM network_activity_events"]);
    assert!(stderr(&output).contains("\"rows\":1"), "{}", stderr(&output));
}

#[test]
fn formulas_are_disarmed_unless_told_otherwise() {
    assert_eq!(stdout(&["-c", "SELECT '=1+1' AS x"]), "x\n\"'=1+1\"\n");
    assert_eq!(stdout(&["--csv-verbatim", "-c", "SELECT '=1+1' AS x"]), "x\n=1+1\n");
}
