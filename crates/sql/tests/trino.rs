//! The queries under `tests/trino/queries` give the rows that Trino 476 gave (`tests/trino/README.md`).
//!
//! The lake holds the same events; `cloudtrail_logs` is Athena's table and `lake_events` is CloudTrail Lake's, which
//! here are one.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Value, json};
use trailql_ingest::{IngestOptions, Progress, ingest};
use trailql_lake::Lake;
use trailql_sql::{Session, SessionOptions, SqlError, Statement};
use trailql_store::Stores;

/// Queries whose answers differ from Trino's, and why that is meant.
const DIFFERENT: &str = include_str!("../../../tests/trino/different.tsv");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_answer_as_trino_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("lake");
    let source = root.join("testdata/real/invictus-ir__aws_dataset");
    let options = IngestOptions::new(vec![source.to_str().unwrap().to_owned()]);
    ingest(&Stores::default(), location.to_str().unwrap(), &options, Progress::new()).await.unwrap();
    let session = Session::try_new(&SessionOptions { target_partitions: Some(2), ..Default::default() }).unwrap();
    let lake = Lake::open(&Stores::default(), location.to_str().unwrap()).await.unwrap();
    session.set_lake(&lake).await.unwrap();
    session.add_table_alias("lake_events");

    let (mut compared, mut failures) = (0, String::new());
    let mut files: Vec<_> =
        std::fs::read_dir(root.join("tests/trino/answers")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let recorded: Value = serde_json::from_str(line).unwrap();
            let sql = recorded["sql"].as_str().unwrap();
            let is_meant = DIFFERENT.lines().any(|line| line.split('\t').next() == Some(sql));
            let difference = difference(&recorded, answer(&session, sql).await);
            compared += 1;
            match difference {
                Some(difference) if !is_meant => writeln!(failures, "{sql}\n{difference}\n").unwrap(),
                None if is_meant => {
                    writeln!(failures, "{sql}\n  answers as Trino, but different.tsv has it\n").unwrap()
                }
                _ => {}
            }
        }
    }
    assert!(compared >= 200, "{compared} queries are too few");
    assert!(failures.is_empty(), "\n{failures}");
}

/// Says what differs from Trino's answer; where Trino has an error, there has to be one.
fn difference(recorded: &Value, answer: Result<Vec<Vec<Value>>, SqlError>) -> Option<String> {
    match (recorded.get("rows"), answer) {
        (Some(wanted), Ok(rows)) => {
            let wanted = wanted_rows(wanted, &recorded["types"]);
            let is_ordered = recorded["sql"].as_str().unwrap().to_lowercase().contains("order by");
            let sorted = |mut rows: Vec<String>| {
                if !is_ordered {
                    rows.sort();
                }
                rows
            };
            let wanted = sorted(wanted.iter().map(Value::to_string).collect());
            let rows = sorted(rows.into_iter().map(|row| Value::from(row).to_string()).collect());
            (wanted != rows).then(|| format!("  Trino:   {}\n  trailql: {}", wanted.join(" "), rows.join(" ")))
        }
        (None, Err(_)) => None,
        (Some(wanted), Err(error)) => Some(format!("  Trino:   {wanted}\n  trailql: {error}")),
        (None, Ok(rows)) => Some(format!("  Trino:   {}\n  trailql: {}", recorded["error"], json!(rows))),
    }
}

async fn answer(session: &Session, sql: &str) -> Result<Vec<Vec<Value>>, SqlError> {
    let mut answer = session.run(&Statement::new(sql)).await?;
    let mut rows = Vec::new();
    while let Some(batch) = answer.next().await? {
        for row in 0..batch.num_rows() {
            rows.push(batch.columns().iter().map(|column| value(column, row)).collect());
        }
    }
    Ok(rows)
}

/// Trino's values, with times as trailql writes them.
fn wanted_rows(rows: &Value, types: &Value) -> Vec<Value> {
    let types: Vec<&str> = types.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let cell = |(cell, name): (&Value, &&str)| match cell {
        Value::String(time) if name.starts_with("timestamp") => Value::from(moment(time)),
        Value::Array(times) if name.starts_with("array(timestamp") => {
            times.iter().map(|time| time.as_str().map_or(Value::Null, |time| Value::from(moment(time)))).collect()
        }
        // A column of times that Athena has as text.
        Value::String(time) if *name == "varchar" && time.len() == 20 && time.ends_with('Z') => {
            Value::from(moment(time))
        }
        Value::Number(number) => number_value(number.as_f64().unwrap()),
        Value::String(number) if name.starts_with("decimal") => number_value(number.parse().unwrap()),
        other => numbers(other),
    };
    let row = |row: &Value| row.as_array().unwrap().iter().zip(&types).map(cell).collect();
    rows.as_array().unwrap().iter().map(row).collect()
}

/// `2024-03-01 12:00:00.000 UTC` as `2024-03-01T12:00:00`.
fn moment(time: &str) -> String {
    let time = time.trim_end_matches(" UTC").trim_end_matches('Z').replace(' ', "T");
    match time.contains('.') {
        true => time.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => time,
    }
}

/// Numbers below are compared by value.
fn numbers(value: &Value) -> Value {
    match value {
        Value::Number(number) => number_value(number.as_f64().unwrap()),
        Value::Array(values) => values.iter().map(numbers).collect(),
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), numbers(value))).collect(),
        other => other.clone(),
    }
}

fn number_value(number: f64) -> Value {
    Value::from(format!("{}", (number * 1e9).round() / 1e9))
}

fn value(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => Value::from(array.as_boolean().value(row)),
        DataType::List(_) => elements(&array.as_list::<i32>().value(row)),
        DataType::Struct(_) => array.as_struct().columns().iter().map(|column| value(column, row)).collect(),
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let entry = |at| (text(keys, at), value(values, at));
            (0..entries.len()).map(entry).collect::<serde_json::Map<_, _>>().into()
        }
        DataType::Timestamp(..) => Value::from(moment(&text(array, row))),
        numeric if numeric.is_numeric() => number_value(text(array, row).parse().unwrap()),
        binary if binary.is_binary() => Value::from(text(array, row)),
        _ => Value::from(text(array, row)),
    }
}

fn elements(array: &ArrayRef) -> Value {
    (0..array.len()).map(|at| value(array, at)).collect()
}

fn text(array: &ArrayRef, row: usize) -> String {
    ArrayFormatter::try_new(array, &FormatOptions::default()).unwrap().value(row).to_string()
}
