//! `COPY`, `UNLOAD` and exports: what lies in the files, and that there are no halves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use trailql_export::Place;
use trailql_sql::{ExportOptions, Format, SqlError, Statement};

use crate::support::{run, session};

/// Runs a script in which `{}` is a fresh folder.
async fn copy(script: &str) -> (TempDir, Result<String, SqlError>) {
    let folder = tempfile::tempdir().unwrap();
    let script = script.replace("{}", folder.path().to_str().unwrap());
    let result = run(&session().await, &script, Format::Csv).await;
    (folder, result)
}

/// Every file below a folder with its text, by its path.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                found.insert(name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned());
            }
        }
    }
    found
}

#[tokio::test]
async fn copies_a_query_and_counts_its_rows() {
    let script = "COPY (SELECT eventid, errorcode FROM cloudtrail_logs ORDER BY 1) TO '{}/out.csv'";
    let (folder, answer) = copy(script).await;
    assert_eq!(answer.unwrap(), "count\r\n4\r\n");
    let expected = "eventid,errorcode\r\ne1,\r\ne2,AccessDenied\r\ne3,\r\ne4,\r\n";
    assert_eq!(files(folder.path()), BTreeMap::from([("out.csv".to_owned(), expected.to_owned())]));
}

#[tokio::test]
async fn header_null_and_separator_can_be_chosen() {
    let script = "COPY (SELECT * FROM (VALUES ('a;b', 'NULL'), (NULL, '=1+1')) t(x, y)) TO '{}/out.csv' \
                  (HEADER false, NULL 'NULL', DELIMITER ';')";
    let (folder, _) = copy(script).await;
    assert_eq!(files(folder.path())["out.csv"], "\"a;b\";\"NULL\"\r\nNULL;\"'=1+1\"\r\n");
    let (folder, _) = copy("COPY (SELECT '=1+1' AS x) TO '{}/out.csv' (VERBATIM)").await;
    assert_eq!(files(folder.path())["out.csv"], "x\r\n=1+1\r\n");
}

#[tokio::test]
async fn partitions_become_folders_in_the_order_of_the_query() {
    let script = "COPY (SELECT value % 3 AS part, CASE WHEN value % 3 > 0 THEN 'x/y' END AS text, value \
                  FROM generate_series(1, 20000) ORDER BY value DESC) TO '{}/out' (FORMAT csv, PARTITION_BY (part, text))";
    let (folder, answer) = copy(script).await;
    assert_eq!(answer.unwrap(), "count\r\n20000\r\n");
    let files = files(&folder.path().join("out"));
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "_SUCCESS",
            "part=0/text=__HIVE_DEFAULT_PARTITION__/data.csv",
            "part=1/text=x%2Fy/data.csv",
            "part=2/text=x%2Fy/data.csv"
        ]
    );
    for (part, text) in [(0, names[1]), (1, names[2]), (2, names[3])] {
        let expected: Vec<String> = (1..=20000).rev().filter(|n| n % 3 == part).map(|n: i32| n.to_string()).collect();
        let lines: Vec<&str> = files[text].split_terminator("\r\n").collect();
        assert_eq!((lines[0], &lines[1..]), ("value", &expected.iter().map(String::as_str).collect::<Vec<_>>()[..]));
    }
}

#[tokio::test]
async fn a_query_that_fails_leaves_nothing() {
    let failing = "(SELECT value AS v, 100 / (value - 50000) AS x FROM generate_series(1, 100000))";
    for target in
        ["'{}/out.csv'", "'{}/out.parquet'", "'{}/out' (FORMAT csv, PARTITION_BY (x))", "'{}/new/' (FORMAT csv)"]
    {
        let (folder, answer) = copy(&format!("COPY {failing} TO {target}")).await;
        assert!(answer.unwrap_err().to_string().to_lowercase().contains("divide by zero"), "{target}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{target}");
    }
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_refused_or_overwritten() {
    let script = "COPY (SELECT 1 AS a, 'old' AS b) TO '{}/out' (FORMAT jsonl, PARTITION_BY (a));
                  COPY (SELECT 2 AS a, 'old' AS b) TO '{}/out' (FORMAT jsonl, PARTITION_BY (a), OVERWRITE);
                  COPY (SELECT 2 AS a, 'new' AS b) TO '{}/out' (FORMAT jsonl, PARTITION_BY (a), OVERWRITE);
                  COPY (SELECT 3 AS a, 'new' AS b) TO '{}/out' (FORMAT jsonl, PARTITION_BY (a))";
    let (folder, answer) = copy(script).await;
    assert!(answer.unwrap_err().to_string().contains("is not empty"));
    let files = files(&folder.path().join("out"));
    assert_eq!(files.keys().collect::<Vec<_>>(), ["_SUCCESS", "a=1/data.jsonl", "a=2/data.jsonl"]);
    assert_eq!(
        (files["a=1/data.jsonl"].as_str(), files["a=2/data.jsonl"].as_str()),
        ("{\"b\":\"old\"}\n", "{\"b\":\"new\"}\n")
    );
}

#[tokio::test]
async fn unload_fills_a_folder() {
    let script = "UNLOAD (SELECT eventid, region FROM cloudtrail_logs) TO '{}/out' \
                  WITH (format = 'JSON', compression = 'NONE', partitioned_by = ARRAY['region'])";
    let (folder, answer) = copy(script).await;
    assert_eq!(answer.unwrap(), "count\r\n4\r\n");
    assert_eq!(files(&folder.path().join("out"))["region=eu-west-1/data.jsonl"], "{\"eventid\":\"e2\"}\n");
}

#[tokio::test]
async fn explaining_a_copy_writes_nothing() {
    let (folder, answer) = copy("EXPLAIN ANALYZE COPY (SELECT 1 AS a) TO '{}/out.csv' STORED AS CSV").await;
    assert!(answer.unwrap().contains("Placeholder"));
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn errors_name_their_place_and_what_to_do() {
    for (script, part) in [
        (
            "COPY (SELECT 1 AS a, eventid FROM cloudtrail_logs) TO '{}/o' (FORMAT csv, PARTITION_BY (day))",
            "the query has a, eventid",
        ),
        ("COPY (SELECT 1 AS a) TO '{}/o' (FORMAT csv, PARTITION_BY (a))", "would have no columns"),
        ("COPY (SELECT errcode FROM cloudtrail_logs) TO '{}/o.csv'", "1:14 │       SELECT errcode"),
        ("COPY (SELECT 1) TO '{}/none/deep/o.csv'", "writing"),
        ("COPY (SELECT 1) TO 'gs://bucket/o.csv'", "cannot be written to gs://"),
    ] {
        let (_folder, answer) = copy(script).await;
        let error = answer.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn nothing_is_written_before_the_answer_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.csv");
    let options = ExportOptions::new(Format::Csv);
    let session = session().await;
    let statement = Statement::new("SELECT 1 AS a");
    let mut answer = session.export(&statement, Place::Local(path.clone()), options.clone()).await.unwrap();
    assert!(!path.exists());
    assert_eq!(answer.next().await.unwrap().unwrap().num_rows(), 1);
    assert!(path.exists() && answer.next().await.unwrap().is_none());
    let copy = session.export(&Statement::new("COPY t TO 'x.csv'"), Place::Local(path), options).await;
    assert!(copy.map(drop).unwrap_err().to_string().contains("leave out -o"));
}
