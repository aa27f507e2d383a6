//! What the lake has taken in: log files and event IDs, in segments that the Delta log names.
//!
//! A commit adds one segment. Once many small ones have come together, the next commit merges them, so that a
//! lookup touches few files however many commits there were.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch, StringArray, UInt64Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use trailql_event::EventKey;
use uuid::Uuid;

use crate::error::LakeError;
use crate::id_index::IdIndex;

/// Domain of the Delta log's metadata that names the segments.
pub(crate) const LEDGER_DOMAIN: &str = "trailql.ledger";

/// Folder of the segments.
pub const LEDGER_FOLDER: &str = "_ledger";

/// Segments with fewer event IDs than this take part in merges; a merge holds twice this in memory (96 MB).
const MERGE_BELOW_KEYS: u64 = 4_000_000;

/// A merge starts when this many small segments have come together.
const MERGE_AT_SEGMENTS: usize = 16;

/// Reads in flight when segments are looked through.
const READS_IN_FLIGHT: usize = 8;

/// Identity of a log file: a hash of its URL, size and version (ETag or modification time).
pub type ObjectKey = u128;

/// What the ledger keeps of one ingested log file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectEntry {
    /// Identity of the file as it was when read.
    pub key: ObjectKey,
    /// URL of the file.
    pub url: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Events found in it.
    pub read: u64,
    /// Events that became rows.
    pub kept: u64,
    /// Events that the lake had already.
    pub duplicates: u64,
    /// Events that the run's filters left out.
    pub filtered: u64,
    /// Records that are no events.
    pub rejected: u64,
    /// Identity of the filters of the run, where they left something out; empty when the whole file was taken.
    pub filter: String,
}

impl ObjectEntry {
    /// Adds the counts of an earlier part of the same file.
    pub fn add(&mut self, earlier: &Self) {
        self.read += earlier.read;
        self.kept += earlier.kept;
        self.duplicates += earlier.duplicates;
        self.filtered += earlier.filtered;
        self.rejected += earlier.rejected;
    }
}

/// What one commit adds to the ledger.
#[derive(Debug, Clone, Default)]
pub struct LedgerDelta {
    /// Log files read in whole.
    pub objects: Vec<ObjectEntry>,
    /// Keys of the rows added, in any order.
    pub keys: Vec<EventKey>,
}

/// Name and size of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    name: String,
    objects: u64,
    events: u64,
}

/// The ledger of one version of the lake.
#[derive(Debug)]
pub struct Ledger {
    segments: Vec<Segment>,
    store: Arc<dyn ObjectStore>,
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    segments: Vec<Segment>,
}

impl Ledger {
    /// Reads the manifest that the Delta log holds; none means an empty ledger.
    pub(crate) fn parse(manifest: Option<&str>, store: Arc<dyn ObjectStore>) -> Result<Self, LakeError> {
        let manifest: Manifest = match manifest {
            None => Manifest { segments: Vec::new() },
            Some(text) => {
                serde_json::from_str(text).map_err(|error| LakeError::ledger(&Path::from(LEDGER_DOMAIN), error))?
            }
        };
        Ok(Self { segments: manifest.segments, store })
    }

    /// The manifest as the Delta log keeps it.
    pub(crate) fn manifest(segments: Vec<Segment>) -> String {
        serde_json::to_string(&Manifest { segments }).expect("a list of strings and numbers is JSON")
    }

    /// Number of log files in the ledger.
    pub fn object_count(&self) -> u64 {
        self.segments.iter().map(|segment| segment.objects).sum()
    }

    /// The files that the ledger consists of, relative to the lake.
    pub fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        self.segments.iter().flat_map(|segment| [segment.ids_path(), segment.objects_path()])
    }

    /// Every log file in the ledger with the filter it was read under (empty: read in whole).
    pub async fn objects(&self) -> Result<HashMap<ObjectKey, String>, LakeError> {
        let mut known = HashMap::with_capacity(usize::try_from(self.object_count()).unwrap_or_default());
        let mut tables = stream::iter(&self.segments)
            .map(|segment| read_objects(self.store.as_ref(), segment))
            .buffer_unordered(READS_IN_FLIGHT);
        while let Some(batch) = tables.try_next().await? {
            let filters = batch.column(8).as_string::<i32>();
            for row in 0..batch.num_rows() {
                let key = object_key(&batch, row);
                let filter = filters.value(row);
                known
                    .entry(key)
                    .and_modify(|known: &mut String| {
                        if filter.is_empty() {
                            known.clear();
                        }
                    })
                    .or_insert_with(|| filter.to_owned());
            }
        }
        Ok(known)
    }

    /// Hands the identity and URL of every log file in the ledger to `each`.
    pub async fn for_each_object(&self, mut each: impl FnMut(ObjectKey, &str)) -> Result<(), LakeError> {
        for segment in &self.segments {
            let batch = read_objects(self.store.as_ref(), segment).await?;
            let urls = batch.column(1).as_string::<i32>();
            (0..batch.num_rows()).for_each(|row| each(object_key(&batch, row), urls.value(row)));
        }
        Ok(())
    }

    /// Looks `probes` up; they must be sorted.
    ///
    /// Calls `hit(i, content)` for every event of the lake whose ID hash is that of `probes[i]`. With `since`, only
    /// segments that the older ledger did not have are looked at.
    pub async fn find(
        &self,
        probes: &[EventKey],
        since: Option<&Self>,
        mut hit: impl FnMut(usize, u32),
    ) -> Result<(), LakeError> {
        let is_new = |segment: &&Segment| since.is_none_or(|older| !older.segments.contains(segment));
        let segments: Vec<_> = self.segments.iter().filter(is_new).map(Segment::ids).collect();
        let mut found = stream::iter(segments)
            .map(|ids| async move {
                let mut hits = Vec::new();
                ids.find(self.store.as_ref(), probes, |probe, content| hits.push((probe, content))).await?;
                Ok::<_, LakeError>(hits)
            })
            .buffer_unordered(READS_IN_FLIGHT);
        while let Some(hits) = found.try_next().await? {
            hits.into_iter().for_each(|(probe, content)| hit(probe, content));
        }
        Ok(())
    }

    /// Writes `delta` as a new segment, merged with the small ones if there are many.
    ///
    /// Returns the segments of the next version and those that are no longer needed once it is committed.
    pub(crate) async fn append(&self, delta: &LedgerDelta) -> Result<(Vec<Segment>, Vec<Segment>), LakeError> {
        let (small, large): (Vec<_>, Vec<_>) =
            self.segments.iter().cloned().partition(|segment| segment.events < MERGE_BELOW_KEYS);
        let mut keys = delta.keys.clone();
        let mut objects = vec![object_batch(&delta.objects)];
        let (mut kept, merged) =
            if small.len() + 1 < MERGE_AT_SEGMENTS { (self.segments.clone(), Vec::new()) } else { (large, small) };
        let mut parts = stream::iter(merged.clone())
            .map(|segment| async move {
                let ids = segment.ids();
                tokio::try_join!(ids.read_all(self.store.as_ref()), read_objects(self.store.as_ref(), &segment))
            })
            .buffer_unordered(READS_IN_FLIGHT);
        while let Some((ids, table)) = parts.try_next().await? {
            keys.extend(ids);
            objects.push(table);
        }
        keys.sort_unstable();
        let objects = concat_batches(&object_schema(), &objects)
            .map_err(|error| LakeError::ledger(&Path::from(LEDGER_FOLDER), error))?;
        if !keys.is_empty() || objects.num_rows() > 0 {
            kept.push(self.write(&keys, &objects).await?);
        }
        Ok((kept, merged))
    }

    /// Deletes the files of segments that no version needs any more; a failure is only noted.
    pub(crate) async fn discard(&self, segments: &[Segment]) {
        for segment in segments {
            for path in [segment.ids_path(), segment.objects_path()] {
                if let Err(error) = self.store.delete(&path).await {
                    tracing::debug!(%path, %error, "ledger file stays behind");
                }
            }
        }
    }

    /// Segments of `next` that this ledger does not have.
    pub(crate) fn added(&self, next: &[Segment]) -> Vec<Segment> {
        next.iter().filter(|segment| !self.segments.contains(segment)).cloned().collect()
    }

    async fn write(&self, keys: &[EventKey], objects: &RecordBatch) -> Result<Segment, LakeError> {
        let segment =
            Segment { name: Uuid::new_v4().to_string(), objects: objects.num_rows() as u64, events: keys.len() as u64 };
        let path = segment.objects_path();
        let table = encode_objects(objects).map_err(|error| LakeError::ledger(&path, error))?;
        let ids_path = segment.ids_path();
        tokio::try_join!(self.put(&path, table), self.put(&ids_path, IdIndex::encode(keys)))?;
        Ok(segment)
    }

    async fn put(&self, path: &Path, bytes: Bytes) -> Result<(), LakeError> {
        self.store.put(path, bytes.into()).await.map_err(|error| LakeError::store("writing", path, error))?;
        Ok(())
    }
}

impl Segment {
    fn ids(&self) -> IdIndex {
        IdIndex::new(self.ids_path(), self.events)
    }

    fn ids_path(&self) -> Path {
        Path::from(format!("{LEDGER_FOLDER}/{}.ids", self.name))
    }

    fn objects_path(&self) -> Path {
        Path::from(format!("{LEDGER_FOLDER}/{}.objects.parquet", self.name))
    }
}

/// Whether a file of the lake has the name of a ledger file.
pub fn is_ledger_path(path: &Path) -> bool {
    let Some(file) = path.as_ref().strip_prefix(LEDGER_FOLDER).and_then(|rest| rest.strip_prefix('/')) else {
        return false;
    };
    let name = file.strip_suffix(".ids").or_else(|| file.strip_suffix(".objects.parquet"));
    name.is_some_and(|name| Uuid::parse_str(name).is_ok())
}

fn object_key(batch: &RecordBatch, row: usize) -> ObjectKey {
    let key = batch.column(0).as_fixed_size_binary().value(row);
    ObjectKey::from_le_bytes(key.try_into().expect("the column is 16 bytes wide"))
}

fn object_schema() -> SchemaRef {
    let count = |name| Field::new(name, DataType::UInt64, false);
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::FixedSizeBinary(16), false),
        Field::new("url", DataType::Utf8, false),
        count("size_bytes"),
        count("read"),
        count("kept"),
        count("duplicates"),
        count("filtered"),
        count("rejected"),
        Field::new("filter", DataType::Utf8, false),
    ]))
}

fn object_batch(entries: &[ObjectEntry]) -> RecordBatch {
    let keys = FixedSizeBinaryArray::try_from_iter(entries.iter().map(|entry| entry.key.to_le_bytes()))
        .unwrap_or_else(|_| FixedSizeBinaryArray::new_null(16, 0));
    let texts = |text: fn(&ObjectEntry) -> &str| Arc::new(StringArray::from_iter_values(entries.iter().map(text)));
    let counts = |count: fn(&ObjectEntry) -> u64| Arc::new(UInt64Array::from_iter_values(entries.iter().map(count)));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(keys),
        texts(|entry| &entry.url),
        counts(|entry| entry.size_bytes),
        counts(|entry| entry.read),
        counts(|entry| entry.kept),
        counts(|entry| entry.duplicates),
        counts(|entry| entry.filtered),
        counts(|entry| entry.rejected),
        texts(|entry| &entry.filter),
    ];
    RecordBatch::try_new(object_schema(), columns).expect("the columns are built as the schema says")
}

fn encode_objects(batch: &RecordBatch) -> parquet::errors::Result<Bytes> {
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(batch)?;
    Ok(writer.into_inner()?.into())
}

async fn read_objects(store: &dyn ObjectStore, segment: &Segment) -> Result<RecordBatch, LakeError> {
    let path = segment.objects_path();
    let failed = |source| LakeError::segment(&path, source);
    let bytes = store.get(&path).await.map_err(failed)?.bytes().await.map_err(failed)?;
    let decode = || -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()?;
        let batches = reader.collect::<Result<Vec<_>, _>>()?;
        let batch = concat_batches(&object_schema(), &batches)?;
        if batch.num_rows() as u64 == segment.objects { Ok(batch) } else { Err("it lacks log files".into()) }
    };
    decode().map_err(|error| LakeError::ledger(&path, error))
}
