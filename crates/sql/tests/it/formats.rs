//! What each format writes, for values that are hard on it.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use trailql_sql::{Format, FormatOptions, printable};

use crate::support::{run, session};

const VALUES: &str = "SELECT * FROM (VALUES \
     (1, 'plain', -1.5, true, timestamp '2024-03-01 10:00:00'), \
     (2, '=HYPERLINK(\"http://x\";\"y\")', NULL, false, NULL), \
     (3, '', 0.0, NULL, timestamp '2024-03-01 10:00:00.123456'), \
     (4, NULL, 3.0, true, NULL), \
     (5, E'two\\nlines,\"quoted\" <b>|*x*|</b> & \\\\ tab\\t.', 1e21, true, NULL), \
     (6, E'\\u001b]0;title\\u0007\\u009b2J \\u202egpj.exe Grüße 世界', 2.5, true, NULL), \
     (-7, '-5', 2.5, true, NULL)) AS t(n, text, x, b, at) ORDER BY abs(n)";

async fn write(format: Format, sql: &str) -> String {
    run(&session().await, sql, format).await.unwrap()
}

#[tokio::test]
async fn text_formats() {
    for format in Format::ALL.into_iter().filter(|format| !format.is_binary()) {
        insta::assert_snapshot!(format.name(), write(format, VALUES).await);
    }
}

#[tokio::test]
async fn nested_values_and_times() {
    let sql = "SELECT eventtime, useridentity, resources, map(['k'], ['v']) AS m, date \
               FROM cloudtrail_logs ORDER BY eventid LIMIT 2";
    for format in [Format::Csv, Format::Jsonl, Format::Vertical] {
        insta::assert_snapshot!(format!("nested_{format}"), write(format, sql).await);
    }
}

#[tokio::test]
async fn results_without_rows() {
    let mut report = String::new();
    for format in Format::ALL.into_iter().filter(|format| !format.is_binary()) {
        let text = write(format, "SELECT eventid, 1 AS n FROM cloudtrail_logs WHERE false").await;
        report.push_str(&format!("{format}:\n{text}\n"));
    }
    insta::assert_snapshot!(report);
}

#[tokio::test]
async fn repeated_names_keep_their_columns() {
    let sql = "SELECT a.eventid, b.eventid FROM errors a JOIN errors b ON a.eventname = b.eventname";
    assert_eq!(write(Format::Jsonl, sql).await, "{\"eventid\":\"e2\",\"eventid_2\":\"e2\"}\n");
}

#[tokio::test]
async fn nothing_in_text_for_people_moves_a_terminal() {
    for format in [Format::Table, Format::Vertical] {
        let text = write(format, VALUES).await;
        assert!(text.lines().all(|line| printable(line) == line), "{format}");
    }
}

#[tokio::test]
async fn long_tables_stream() {
    let text = write(Format::Table, "SELECT value AS v FROM generate_series(1, 5000) ORDER BY 1").await;
    assert_eq!(text.lines().count(), 5002);
    assert_eq!(text.lines().last(), Some("5000"));
}

#[tokio::test]
async fn plans_keep_their_lines() {
    let text = write(Format::Table, "EXPLAIN SELECT count(*) FROM generate_series(1, 3) WHERE value > 1").await;
    assert!(text.lines().count() > 5 && !text.contains("\\n"), "{text}");
}

#[test]
fn cells_are_cut_on_request() {
    let batch = RecordBatch::try_from_iter([("世界", Arc::new(StringArray::from(vec!["世界世界", "ab"])) as ArrayRef)]);
    let batch = batch.unwrap();
    let mut out = Vec::new();
    let options = FormatOptions { max_cell_width: Some(6), ..FormatOptions::default() };
    let mut writer = Format::Table.writer(Box::new(&mut out), batch.schema(), &options).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    assert_eq!(String::from_utf8(out).unwrap(), "世界\n─────\n世界…\nab\n");
}

#[test]
fn binary_formats_come_back_as_they_were() {
    let batch = RecordBatch::try_from_iter([
        ("n", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef),
        ("x", Arc::new(Float64Array::from(vec![Some(0.5), Some(f64::NAN)])) as ArrayRef),
        ("s", Arc::new(StringArray::from(vec![None, Some("\u{1b}[0m")])) as ArrayRef),
    ])
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Parquet, Format::Arrow] {
        let path = folder.path().join(format.name());
        let file = File::create(&path).unwrap();
        let mut writer = format.writer(Box::new(file), batch.schema(), &FormatOptions::default()).unwrap();
        writer.write(&batch).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        drop(writer);
        let file = File::open(&path).unwrap();
        let read: Vec<RecordBatch> = match format {
            Format::Parquet => ParquetRecordBatchReaderBuilder::try_new(file)
                .unwrap()
                .build()
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap(),
            _ => arrow::ipc::reader::FileReader::try_new(file, None).unwrap().collect::<Result<_, _>>().unwrap(),
        };
        let read = arrow::compute::concat_batches(&batch.schema(), &read).unwrap();
        assert_eq!(read.num_rows(), 4);
        assert_eq!(
            read.column(2).to_data(),
            arrow::compute::concat(&[batch.column(2), batch.column(2)]).unwrap().to_data()
        );
    }
}
