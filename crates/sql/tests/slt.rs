//! Runs the `.slt` files under `tests/slt`, each in a session of its own, over one lake that ingest makes of handmade
//! events.
//!
//! `UPDATE_SLT=1` writes the answers into the files instead; read them before committing.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use serde_json::Value;
use sqllogictest::{
    AsyncDB, DBOutput, DefaultColumnType, Runner, default_column_validator, default_normalizer, default_validator,
};
use trailql_ingest::{IngestOptions, Progress, ingest};
use trailql_lake::Lake;
use trailql_sql::{Format, FormatOptions, Session, SessionOptions, SqlError, Statement};
use trailql_store::Stores;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_answers_as_written() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("lake");
    let sources = [here.join("../../testdata/made/categories"), here.join("tests/slt/events.json")];
    make_lake(&location, &sources).await;

    let mut files = Vec::new();
    list_files(&here.join("tests/slt"), &mut files);
    assert!(!files.is_empty());
    let mut failures = Vec::new();
    for file in files {
        let mut runner = Runner::new(|| open(location.clone()));
        if std::env::var_os("UPDATE_SLT").is_some() {
            let updated = runner
                .update_test_file(&file, "\t", default_validator, default_normalizer, default_column_validator)
                .await;
            updated.unwrap();
        } else if let Err(error) = runner.run_file_async(&file).await {
            failures.push(format!("{}: {}", file.display(), error.display(false)));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

async fn make_lake(location: &Path, sources: &[PathBuf]) {
    let sources = sources.iter().map(|source| source.to_str().unwrap().to_owned()).collect();
    let options = IngestOptions::new(sources);
    ingest(&Stores::default(), location.to_str().unwrap(), &options, Progress::new()).await.unwrap();
}

fn list_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            list_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
}

async fn open(location: PathBuf) -> Result<Database, SqlError> {
    let options = SessionOptions { target_partitions: Some(2), ..SessionOptions::default() };
    let session = Session::try_new(&options)?;
    let lake = Lake::open(&Stores::default(), location.to_str().unwrap()).await.unwrap();
    session.set_lake(&lake).await?;
    Ok(Database { session })
}

struct Database {
    session: Session,
}

#[async_trait]
impl AsyncDB for Database {
    type Error = SqlError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, SqlError> {
        let mut answer = self.session.run(&Statement::new(sql)).await?;
        let schema = answer.schema();
        let types: Vec<_> = schema.fields().iter().map(|field| column_type(field.data_type())).collect();
        let mut rows = Vec::new();
        while let Some(batch) = answer.next().await? {
            push_rows(&batch, &mut rows);
        }
        if types.is_empty() {
            return Ok(DBOutput::StatementComplete(0));
        }
        Ok(DBOutput::Rows { types, rows })
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "trailql"
    }
}

fn column_type(data_type: &arrow::datatypes::DataType) -> DefaultColumnType {
    match data_type {
        other if other.is_integer() => DefaultColumnType::Integer,
        other if other.is_floating() => DefaultColumnType::FloatingPoint,
        other if other.is_nested() || other.is_null() => DefaultColumnType::Any,
        _ => DefaultColumnType::Text,
    }
}

/// Reads the rows as JSON, so that nested values have one spelling.
fn push_rows(batch: &RecordBatch, rows: &mut Vec<Vec<String>>) {
    let is_plan = batch.schema().fields().iter().map(|field| field.name().as_str()).eq(["plan_type", "plan"]);
    let mut lines = Vec::new();
    let mut writer = Format::Jsonl.writer(Box::new(&mut lines), batch.schema(), &FormatOptions::default()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    for line in String::from_utf8(lines).unwrap().lines() {
        let row: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        match row.get("plan") {
            // One row for each line of a plan.
            Some(Value::String(plan)) if is_plan => {
                rows.extend(plan.lines().map(|line| vec![line.trim().to_owned()]));
            }
            _ => rows.push(row.into_iter().map(|(_, value)| cell(without_nulls(value))).collect()),
        }
    }
}

fn cell(value: Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => text.replace('\n', "\\n"),
        other => other.to_string(),
    }
}

/// Leaves absent members of structs out.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, member)| !member.is_null());
            Value::Object(members.map(|(name, member)| (name, without_nulls(member))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
