//! A small lake in memory, written the way ingest writes, for the tests of this crate.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, BooleanArray, StringArray, StructArray, TimestampMicrosecondArray, new_null_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use trailql_event::{UTC, event_schema};
use trailql_lake::{DataFile, Snapshot};

use crate::lake_table::LakeTable;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Columns with bloom filters and statistics, as the design decides.
const IDENTITY: [&str; 7] = [
    "eventid",
    "requestid",
    "sharedeventid",
    "sourceipaddress",
    "useridentity.arn",
    "useridentity.principalid",
    "useridentity.accesskeyid",
];

/// One event by its text members under their flat names; `eventtime` in RFC 3339, `readonly` as `true` or `false`.
pub(crate) type TestEvent = BTreeMap<&'static str, String>;

/// Makes a [`TestEvent`].
pub(crate) fn event(members: &[(&'static str, &str)]) -> TestEvent {
    members.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// How the lake's files are cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) rows_per_file: usize,
    pub(crate) rows_per_group: usize,
    pub(crate) with_stats: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self { rows_per_file: 8, rows_per_group: 4, with_stats: true }
    }
}

/// A lake in memory that counts the bytes read of it.
pub(crate) struct TestLake {
    pub(crate) store: Arc<CountingStore>,
    pub(crate) snapshot: Snapshot,
}

impl TestLake {
    /// Writes the events, each into the partition it belongs to, in their order.
    pub(crate) async fn write(events: &[TestEvent], layout: Layout) -> Self {
        let store = Arc::new(CountingStore::new(Arc::new(InMemory::new())));
        let mut partitions: BTreeMap<(String, Option<i32>), Vec<&TestEvent>> = BTreeMap::new();
        for event in events {
            partitions.entry((region(event), date(event))).or_default().push(event);
        }
        let mut files = Vec::new();
        for ((region, date), events) in partitions {
            for (part, events) in events.chunks(layout.rows_per_file).enumerate() {
                let path = Path::from(format!("region={region}/date={date:?}/part-{part}.parquet"));
                let bytes = parquet(&batch(events), layout.rows_per_group);
                files.push(DataFile {
                    path: path.clone(),
                    size_bytes: bytes.len() as u64,
                    modified_millis: 0,
                    row_count: Some(events.len() as u64),
                    region: Some(region.clone()),
                    date,
                    stats: layout.with_stats.then(|| stats(events)),
                });
                store.put(&path, bytes.into()).await.unwrap();
            }
        }
        Self { store, snapshot: Snapshot { version: 1, files } }
    }

    pub(crate) fn table(&self) -> LakeTable {
        LakeTable::from_snapshot("memory://test", Arc::clone(&self.store) as Arc<dyn ObjectStore>, &self.snapshot)
    }

    /// A session in which the lake is `cloudtrail_logs`.
    pub(crate) fn session(&self) -> SessionContext {
        let config = SessionConfig::new().with_target_partitions(2);
        let context = SessionContext::new_with_config(config);
        context.register_table("cloudtrail_logs", Arc::new(self.table())).unwrap();
        context
    }
}

/// Partition value of `region`.
pub(crate) fn region(event: &TestEvent) -> String {
    event.get("awsregion").cloned().unwrap_or_else(|| trailql_event::UNKNOWN_REGION.to_owned())
}

/// Partition value of `date`.
pub(crate) fn date(event: &TestEvent) -> Option<i32> {
    micros(event).map(|micros| i32::try_from(micros.div_euclid(MICROS_PER_DAY)).unwrap())
}

fn micros(event: &TestEvent) -> Option<i64> {
    event.get("eventtime").map(|time| DateTime::parse_from_rfc3339(time).unwrap().timestamp_micros())
}

/// The stored columns of some events.
pub(crate) fn batch(events: &[&TestEvent]) -> RecordBatch {
    let columns = event_schema().fields().iter().map(|field| column("", field, events)).collect();
    RecordBatch::try_new(event_schema(), columns).unwrap()
}

fn column(prefix: &str, field: &Field, events: &[&TestEvent]) -> ArrayRef {
    let name = format!("{prefix}{}", field.name());
    let texts = || events.iter().map(|event| event.get(name.as_str()));
    match field.data_type() {
        DataType::Utf8 => Arc::new(texts().map(|text| text.cloned()).collect::<StringArray>()),
        DataType::Boolean => Arc::new(texts().map(|text| text.map(|text| text == "true")).collect::<BooleanArray>()),
        DataType::Timestamp(..) => {
            let times: TimestampMicrosecondArray = events.iter().map(|event| micros(event)).collect();
            Arc::new(times.with_timezone(UTC))
        }
        DataType::Struct(members) => {
            let inner = format!("{name}.");
            let present: Vec<bool> =
                events.iter().map(|event| event.keys().any(|key| key.starts_with(&inner))).collect();
            let columns = members.iter().map(|member| column(&inner, member, events)).collect();
            Arc::new(StructArray::new(members.clone(), columns, Some(NullBuffer::from(present))))
        }
        other => new_null_array(other, events.len()),
    }
}

fn parquet(batch: &RecordBatch, rows_per_group: usize) -> Vec<u8> {
    let mut properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows_per_group))
        .set_data_page_row_count_limit(2)
        .set_write_batch_size(2)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_compression(Compression::ZSTD(ZstdLevel::default()));
    for name in IDENTITY {
        let path = ColumnPath::new(name.split('.').map(str::to_owned).collect());
        properties =
            properties.set_column_bloom_filter_enabled(path.clone(), true).set_column_bloom_filter_max_ndv(path, 64);
    }
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build())).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

/// Delta statistics of `eventtime` and the identity columns.
fn stats(events: &[&TestEvent]) -> String {
    let mut min = serde_json::Map::new();
    let (mut max, mut nulls) = (min.clone(), min.clone());
    for name in IDENTITY.into_iter().chain(["eventtime"]) {
        let mut values: Vec<&String> = events.iter().filter_map(|event| event.get(name)).collect();
        values.sort();
        if let (Some(first), Some(last)) = (values.first(), values.last()) {
            insert(&mut min, name, (**first).clone().into());
            insert(&mut max, name, (**last).clone().into());
        }
        insert(&mut nulls, name, (events.len() - values.len()).into());
    }
    serde_json::json!({"numRecords": events.len(), "minValues": min, "maxValues": max, "nullCount": nulls}).to_string()
}

fn insert(object: &mut serde_json::Map<String, serde_json::Value>, path: &str, value: serde_json::Value) {
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = object.entry(head).or_insert_with(|| serde_json::json!({}));
            insert(inner.as_object_mut().unwrap(), rest, value);
        }
    }
}

/// A store that counts what is read of it.
#[derive(Debug)]
pub(crate) struct CountingStore {
    inner: Arc<dyn ObjectStore>,
    bytes_read: AtomicU64,
}

impl CountingStore {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, bytes_read: AtomicU64::new(0) }
    }

    /// Bytes read since the last call.
    pub(crate) fn take_bytes_read(&self) -> u64 {
        self.bytes_read.swap(0, Ordering::Relaxed)
    }

    fn count(&self, ranges: &[Range<u64>]) {
        let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        self.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl std::fmt::Display for CountingStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CountingStore")
    }
}

#[async_trait]
impl ObjectStore for CountingStore {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> StoreResult<PutResult> {
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> StoreResult<GetResult> {
        let result = self.inner.get_opts(path, options).await?;
        self.count(std::slice::from_ref(&result.range));
        Ok(result)
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> StoreResult<Vec<Bytes>> {
        self.count(ranges);
        self.inner.get_ranges(path, ranges).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, StoreResult<Path>>) -> BoxStream<'static, StoreResult<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
