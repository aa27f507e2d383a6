use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use object_store::memory::InMemory;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use serde_json::{Value, json};
use trailql_event::{Decoder, event_json};
use trailql_lake::file_format::{ROW_GROUP_ROWS, SORT_COLUMNS, column_at};

use super::*;

/// One partition's files in memory.
struct Place {
    merger: Merger,
    files: Vec<DataFile>,
}

impl Place {
    fn new() -> Self {
        Self { merger: Merger::new(Arc::new(InMemory::new())), files: Vec::new() }
    }

    /// Writes a data file with the rows in the order given.
    async fn write(&mut self, rows: &RecordBatch) {
        let mut writer =
            ArrowWriter::try_new(Vec::new(), rows.schema(), Some(writer_properties(rows.num_rows()))).unwrap();
        writer.write(rows).unwrap();
        let bytes = writer.into_inner().unwrap();
        let file = DataFile {
            path: new_data_path("us-east-1", Some("2024-03-01")),
            size_bytes: bytes.len() as u64,
            modified_millis: 0,
            row_count: Some(rows.num_rows() as u64),
            region: Some("us-east-1".to_owned()),
            date: Some(19_783),
            stats: None,
        };
        self.merger.store.put(&file.path, bytes.into()).await.unwrap();
        self.files.push(file);
    }

    async fn merge(&self) -> Result<NewFile, UpkeepError> {
        self.merger.merge(&Compaction { region: "us-east-1".to_owned(), files: self.files.clone() }).await
    }

    async fn open(&self, path: &Path) -> ParquetRecordBatchReaderBuilder<bytes::Bytes> {
        let bytes = self.merger.store.get(path).await.unwrap().bytes().await.unwrap();
        ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap()
    }

    async fn read(&self, path: &Path) -> Vec<RecordBatch> {
        self.open(path).await.build().unwrap().map(Result::unwrap).collect()
    }
}

/// Every row as text, with nothing left out.
fn rows(batches: &[RecordBatch]) -> Vec<String> {
    let texts = batches.iter().flat_map(|batch| {
        let events = event_json(batch).unwrap();
        let sources = batch["sourcefile"].as_string::<i32>().clone();
        (0..batch.num_rows())
            .map(move |row| format!("{} {}", sources.value(row), events.value(row)))
            .collect::<Vec<_>>()
    });
    texts.collect()
}

/// What every row is sorted by; NULL is less than any value, as in the files.
fn sort_keys(batches: &[RecordBatch]) -> Vec<(Vec<Option<String>>, Option<i64>)> {
    let keys = batches.iter().flat_map(|batch| {
        let (time, texts) = SORT_COLUMNS.split_last().unwrap();
        let texts: Vec<ArrayRef> = texts.iter().map(|path| column_at(batch, path).unwrap()).collect();
        let time = column_at(batch, time).unwrap();
        let text =
            |column: &ArrayRef, row| column.is_valid(row).then(|| column.as_string::<i32>().value(row).to_owned());
        (0..batch.num_rows())
            .map(|row| {
                let time = time.is_valid(row).then(|| time.as_primitive::<TimestampMicrosecondType>().value(row));
                (texts.iter().map(|column| text(column, row)).collect(), time)
            })
            .collect::<Vec<_>>()
    });
    keys.collect()
}

fn decode(name: &str, events: &[Value]) -> RecordBatch {
    let mut decoder = Decoder::new();
    decoder.decode(name, serde_json::to_string(events).unwrap().as_bytes()).1.unwrap();
    let batches: Vec<RecordBatch> = decoder.finish().unwrap().into_iter().map(|batch| batch.rows).collect();
    arrow::compute::concat_batches(&event_schema(), &batches).unwrap()
}

/// An event with a few of the values that sorting and pruning look at, and nested ones.
fn event() -> impl Strategy<Value = Value> {
    let text = |values: &'static [&'static str]| prop::option::of(prop::sample::select(values));
    (
        (text(&["111111111111", "222222222222"]), text(&["arn:a", "arn:b", "arn:b/c", ""]), text(&["s3", "ec2"])),
        (text(&["Get", "Put", "é"]), prop::option::of(0u8..60), any::<u32>(), 0usize..3000, any::<bool>()),
    )
        .prop_map(|((account, arn, source), (name, second, id, length, nested))| {
            let mut event = json!({
                "eventVersion": "1.08", "eventID": id.to_string(), "awsRegion": "us-east-1",
                "requestParameters": {"text": "x".repeat(length), "number": id}, "unknown": length,
            });
            let mut set = |name: &str, value: Option<Value>| {
                if let Some(value) = value {
                    event[name] = value;
                }
            };
            set("recipientAccountId", account.map(Value::from));
            set("eventSource", source.map(Value::from));
            set("eventName", name.map(Value::from));
            set("eventTime", second.map(|second| format!("2024-03-01T10:00:{second:02}Z").into()));
            set(
                "userIdentity",
                arn.map(|arn| json!({"type": "IAMUser", "arn": arn, "accessKeyId": format!("AKIA{id}")})),
            );
            set("resources", nested.then(|| json!([{"ARN": "arn:x", "type": "AWS::S3::Object"}, {"accountId": "1"}])));
            event
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Any files, sorted or not, of any number and size, in any memory: the same rows come out, in order.
    #[test]
    fn a_merged_file_holds_the_rows_of_its_inputs_in_order(
        files in prop::collection::vec(prop::collection::vec(event(), 1..20), 1..5),
        window_bytes in prop_oneof![4000usize..200_000, Just(usize::MAX / 2)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut place = Place::new();
            place.merger.window_bytes = window_bytes;
            let batches: Vec<RecordBatch> =
                files.iter().enumerate().map(|(number, events)| decode(&format!("{number}.json"), events)).collect();
            for batch in &batches {
                place.write(batch).await;
            }
            let merged = place.merge().await.unwrap();
            let output = place.read(&merged.path).await;
            let (mut before, mut after) = (rows(&batches), rows(&output));
            before.sort();
            after.sort();
            prop_assert_eq!(before, after);
            prop_assert!(sort_keys(&output).is_sorted());
            Ok(())
        })?;
    }
}

/// Rows with an ID and an account each, and nothing else.
fn plain_rows(ids: impl Iterator<Item = usize>) -> RecordBatch {
    let ids: Vec<String> = ids.map(|id| format!("{id:08}")).collect();
    let text: ArrayRef = Arc::new(StringArray::from(ids.clone()));
    let schema = event_schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "eventid" | "recipientaccountid" => Arc::clone(&text),
        _ => new_null_array(field.data_type(), ids.len()),
    });
    RecordBatch::try_new(event_schema(), columns.collect()).unwrap()
}

#[tokio::test]
async fn a_large_file_has_row_groups_like_any_other() {
    let mut place = Place::new();
    let (files, count) = (3, ROW_GROUP_ROWS + 10_000);
    for file in 0..files {
        // Every third row, so that all inputs meet in each row group; the second file is not sorted.
        let ids = (0..count / files).map(|row| row * files + file);
        place.write(&if file == 1 { plain_rows(ids.rev()) } else { plain_rows(ids) }).await;
    }
    let total = count / files * files;
    let merged = place.merge().await.unwrap();
    let reader = place.open(&merged.path).await;
    let metadata = Arc::clone(reader.metadata());
    let groups: Vec<i64> = metadata.row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [ROW_GROUP_ROWS as i64, (total - ROW_GROUP_ROWS) as i64]);
    let column = |name| metadata.row_group(1).columns().iter().find(|c| c.column_path().string() == name).unwrap();
    assert!(column("eventid").bloom_filter_offset().is_some() && column("eventid").statistics().is_some());
    assert!(column("requestparameters").statistics().is_none());
    assert!(column("eventid").column_index_offset().is_some(), "a page index");
    let mut next = 0;
    for batch in place.read(&merged.path).await {
        for id in batch["eventid"].as_string::<i32>() {
            assert_eq!(id, Some(format!("{next:08}").as_str()));
            next += 1;
        }
    }
    assert_eq!(next, total);
    let stats: Value = serde_json::from_str(&merged.stats).unwrap();
    assert_eq!(stats["numRecords"], total);
    assert_eq!(stats["minValues"]["recipientaccountid"], "00000000");
    assert_eq!(stats["maxValues"]["recipientaccountid"], format!("{:08}", total - 1));
}

fn without(rows: &RecordBatch, name: &str) -> RecordBatch {
    let keep: Vec<usize> = (0..rows.num_columns()).filter(|i| rows.schema().field(*i).name() != name).collect();
    rows.project(&keep).unwrap()
}

fn with(rows: &RecordBatch, field: Field, column: ArrayRef) -> RecordBatch {
    let mut fields = rows.schema().fields().to_vec();
    fields.push(Arc::new(field));
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    RecordBatch::try_new(schema, rows.columns().iter().cloned().chain([column]).collect()).unwrap()
}

#[tokio::test]
async fn a_file_without_a_newer_column_has_null_there() {
    let mut place = Place::new();
    for column in ["annotation", "recipientaccountid", "eventtime"] {
        place.write(&without(&plain_rows(0..10), column)).await;
    }
    let merged = place.merge().await.unwrap();
    let output = place.read(&merged.path).await;
    let batch = &output[0];
    assert_eq!((batch.num_rows(), batch["annotation"].null_count()), (30, 30));
    assert_eq!(batch["recipientaccountid"].null_count(), 10);
    assert!(sort_keys(&output).is_sorted());
}

#[tokio::test]
async fn a_file_that_holds_more_is_not_rewritten() {
    let rows = plain_rows(0..10);
    let numbers: ArrayRef = Arc::new(Int32Array::from_iter_values(0..10));
    let field = |name| Field::new(name, DataType::Int32, true);
    let newer = with(&rows, field("newercolumn"), Arc::clone(&numbers));
    let other = with(&without(&rows, "eventname"), field("eventname"), numbers);
    for (file, reason) in [(newer, "newercolumn is not known"), (other, "eventname is Int32, not Utf8")] {
        let mut place = Place::new();
        place.write(&rows).await;
        place.write(&file).await;
        let error = place.merge().await.unwrap_err();
        assert!(matches!(error, UpkeepError::Foreign { .. }) && error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_file_with_other_rows_than_the_log_says_is_not_rewritten() {
    let mut place = Place::new();
    place.write(&plain_rows(0..10)).await;
    place.files[0].row_count = Some(11);
    let error = place.merge().await.unwrap_err();
    assert!(error.to_string().contains("10 rows, and the log says 11"), "{error}");
}

#[test]
fn small_compactions_share_the_memory_and_large_ones_wait_for_all_of_it() {
    let file = |size_bytes| DataFile {
        path: "x".into(),
        size_bytes,
        modified_millis: 0,
        row_count: Some(size_bytes / 100),
        region: None,
        date: None,
        stats: None,
    };
    let compaction = |size_bytes| Compaction { region: String::new(), files: vec![file(size_bytes); 2] };
    assert!(memory_mib(&compaction(100_000)) <= 2);
    assert!(memory_mib(&compaction(64 << 20)) > MEMORY_MIB as u32 / 2);
    assert_eq!(memory_mib(&compaction(1 << 40)), MEMORY_MIB as u32);
}
