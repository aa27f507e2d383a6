//! The examples of `docs/DIALECT.md`.

use arrow::record_batch::RecordBatch;
use serde_json::Value;
use trailql_sql::{Format, FormatOptions, Session, SessionOptions, Statement};

const PAGE: &str = include_str!("../../../../docs/DIALECT.md");

#[tokio::test]
async fn every_example_gives_its_answer() {
    let session = Session::try_new(&SessionOptions::default()).unwrap();
    let (mut count, mut failures) = (0, Vec::new());
    for line in PAGE.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<String> =
            line.replace("\\|", "\u{1}").split(" | ").map(|cell| cell.replace('\u{1}', "|")).collect();
        let [_, example, answer] = cells.as_slice() else { continue };
        let Some(example) = example.strip_prefix('`').and_then(|text| text.strip_suffix('`')) else { continue };
        let wanted = answer.trim_end_matches(" |").trim_matches('`');
        count += 1;
        let sql = if example.starts_with("SELECT") { example.to_owned() } else { format!("SELECT {example}") };
        let found = first_value(&session, &sql).await;
        if found.as_deref() != Ok(wanted) {
            failures.push(format!("{example}: {found:?}, not {wanted}"));
        }
    }
    assert!(count > 100, "{count} examples found");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

async fn first_value(session: &Session, sql: &str) -> Result<String, String> {
    let mut answer = session.run(&Statement::new(sql)).await.map_err(|error| error.to_string())?;
    while let Some(batch) = answer.next().await.map_err(|error| error.to_string())? {
        if batch.num_rows() > 0 {
            return Ok(text(&batch));
        }
    }
    Err("no row".to_owned())
}

fn text(batch: &RecordBatch) -> String {
    let mut line = Vec::new();
    let mut writer = Format::Jsonl.writer(Box::new(&mut line), batch.schema(), &FormatOptions::default()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let row: serde_json::Map<String, Value> = serde_json::from_slice(&line).unwrap();
    match row.into_iter().next().unwrap().1 {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}
