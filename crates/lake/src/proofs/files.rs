//! Writing the files of records, merging small ones, and reading them all.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use bytes::Bytes;
use chrono::Utc;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use uuid::Uuid;

use super::records::{
    Check, DigestRecord, DigestVerdict, LogRecord, ProofState, VERSION, digest_batch, digest_schema, log_batch,
    log_schema,
};
use crate::error::LakeError;
use crate::lake::Lake;

/// Folder of the lake that keeps what is known about the integrity of log files.
pub const PROOFS_FOLDER: &str = "_integrity";

/// Records that are held before they are packed.
const RECORDS_HELD: usize = 65_536;

/// Files smaller than this take part in merges.
const MERGE_BELOW_BYTES: u64 = 8 << 20;

/// A merge starts when this many small files have come together.
const MERGE_AT_FILES: usize = 32;

const READS_IN_FLIGHT: usize = 16;

/// Attempts to read what others may be merging, and the time between two.
const READ_ATTEMPTS: usize = 20;
const READ_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// What is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Logs,
    Digests,
}

impl Kind {
    pub(super) fn schema(self) -> SchemaRef {
        match self {
            Self::Logs => log_schema(),
            Self::Digests => digest_schema(),
        }
    }

    fn folder(self) -> Path {
        let name = match self {
            Self::Logs => "logs",
            Self::Digests => "digests",
        };
        Path::from(PROOFS_FOLDER).join(name)
    }
}

/// Whether a file of the lake has the name of a file of records.
pub fn is_proof_path(path: &Path) -> bool {
    let is_in = |kind: Kind| path.prefix_matches(&kind.folder());
    (is_in(Kind::Logs) || is_in(Kind::Digests)) && path.as_ref().ends_with(".parquet")
}

/// What one run finds out; held packed until it is written.
#[derive(Debug)]
pub struct ProofRun {
    name: String,
    check: Check,
    logs: Vec<LogRecord>,
    digests: Vec<DigestRecord>,
    packed: Vec<(Kind, Bytes)>,
    written: usize,
}

impl ProofRun {
    /// Begins a run; `checked_by` is the command that finds out.
    pub fn new(checked_by: &'static str) -> Self {
        let name = format!("{}-{}", Utc::now().format("%Y%m%dT%H%M%S%3fZ"), Uuid::new_v4().simple());
        let (logs, digests, packed) = Default::default();
        Self { name, check: Check { by: checked_by, at: Utc::now() }, logs, digests, packed, written: 0 }
    }

    /// Notes what was found out about a log file.
    pub fn add_log(&mut self, record: LogRecord) -> Result<(), LakeError> {
        self.logs.push(record);
        if self.logs.len() >= RECORDS_HELD { self.pack() } else { Ok(()) }
    }

    /// Notes what was found out about a digest.
    pub fn add_digest(&mut self, record: DigestRecord) -> Result<(), LakeError> {
        self.digests.push(record);
        if self.digests.len() >= RECORDS_HELD { self.pack() } else { Ok(()) }
    }

    /// Writes what was noted since the last time: each file whole or not at all.
    pub async fn write(&mut self, lake: &Lake) -> Result<(), LakeError> {
        self.pack()?;
        let store = lake.store();
        for (kind, bytes) in std::mem::take(&mut self.packed) {
            let path = kind.folder().join(format!("{}-{:05}.parquet", self.name, self.written));
            store.put(&path, bytes.into()).await.map_err(|error| LakeError::store("writing", &path, error))?;
            self.written += 1;
            if let Err(error) = merge(&store, kind).await {
                tracing::warn!(%error, "small files of integrity records stay apart");
            }
        }
        Ok(())
    }

    fn pack(&mut self) -> Result<(), LakeError> {
        let damaged = |error| LakeError::proofs(&Path::from(PROOFS_FOLDER), error);
        if !self.logs.is_empty() {
            let batch = log_batch(&self.logs, self.check).map_err(damaged)?;
            self.packed.push((Kind::Logs, encode(&batch)?));
            self.logs.clear();
        }
        if !self.digests.is_empty() {
            let batch = digest_batch(&self.digests, self.check).map_err(damaged)?;
            self.packed.push((Kind::Digests, encode(&batch)?));
            self.digests.clear();
        }
        Ok(())
    }
}

fn encode(batch: &RecordBatch) -> Result<Bytes, LakeError> {
    let encode = || -> parquet::errors::Result<Bytes> {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?)).build();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
        writer.write(batch)?;
        Ok(writer.into_inner()?.into())
    };
    encode().map_err(|error| LakeError::proofs(&Path::from(PROOFS_FOLDER), error))
}

/// All records of a kind, oldest files first.
///
/// A merge by another process may take files away between listing and reading; the listing is then made again.
pub(super) async fn read_all(store: &Arc<dyn ObjectStore>, kind: Kind) -> Result<RecordBatch, LakeError> {
    for _ in 1..READ_ATTEMPTS {
        match read(store, kind, &list(store.as_ref(), kind).await?).await {
            Err(LakeError::Store { source: object_store::Error::NotFound { .. }, .. }) => {
                tokio::time::sleep(READ_AGAIN_AFTER).await;
            }
            read => return read,
        }
    }
    read(store, kind, &list(store.as_ref(), kind).await?).await
}

async fn list(store: &dyn ObjectStore, kind: Kind) -> Result<Vec<ObjectMeta>, LakeError> {
    let folder = kind.folder();
    let listed: Result<Vec<_>, _> = store.list(Some(&folder)).try_collect().await;
    let mut files = listed.map_err(|error| LakeError::store("listing", &folder, error))?;
    files.retain(|file| is_proof_path(&file.location));
    files.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(files)
}

async fn read(store: &Arc<dyn ObjectStore>, kind: Kind, files: &[ObjectMeta]) -> Result<RecordBatch, LakeError> {
    let reads: Vec<_> = files.iter().map(|file| read_one(Arc::clone(store), file.location.clone(), kind)).collect();
    let batches: Vec<RecordBatch> = stream::iter(reads).buffered(READS_IN_FLIGHT).try_collect().await?;
    concat_batches(&kind.schema(), &batches).map_err(|error| LakeError::proofs(&kind.folder(), error))
}

async fn read_one(store: Arc<dyn ObjectStore>, path: Path, kind: Kind) -> Result<RecordBatch, LakeError> {
    let failed = |error| LakeError::store("reading", &path, error);
    let bytes = store.get(&path).await.map_err(failed)?.bytes().await.map_err(failed)?;
    decode(bytes, kind).map_err(|error| LakeError::proofs(&path, error))
}

fn decode(bytes: Bytes, kind: Kind) -> Result<RecordBatch, Box<dyn std::error::Error + Send + Sync>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()?;
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    Ok(concat_batches(&kind.schema(), &batches)?)
}

/// Puts small files together, without the records that later ones stand for.
///
/// Two processes may do so at once, or die between writing and deleting: the same record twice is one.
async fn merge(store: &Arc<dyn ObjectStore>, kind: Kind) -> Result<(), LakeError> {
    let mut small = list(store.as_ref(), kind).await?;
    small.retain(|file| file.size < MERGE_BELOW_BYTES);
    if small.len() < MERGE_AT_FILES {
        return Ok(());
    }
    let all = read(store, kind, &small).await?;
    let rows = UInt64Array::from_iter_values(latest(&all, kind).into_iter().map(|row| row as u64));
    let merged = take_record_batch(&all, &rows).map_err(|error| LakeError::proofs(&kind.folder(), error))?;
    let name = format!("{}-{}", Utc::now().format("%Y%m%dT%H%M%S%3fZ"), Uuid::new_v4().simple());
    let path = kind.folder().join(format!("{name}-merged.parquet"));
    let bytes = encode(&merged)?;
    store.put(&path, bytes.into()).await.map_err(|error| LakeError::store("writing", &path, error))?;
    for file in small {
        if let Err(error) = store.delete(&file.location).await {
            tracing::debug!(path = %file.location, %error, "a merged file of integrity records stays behind");
        }
    }
    Ok(())
}

/// The rows that say the last about each digest, or each version of a log file, in their order.
pub(super) fn latest(batch: &RecordBatch, kind: Kind) -> Vec<usize> {
    let names = batch.column(0).as_string::<i32>();
    let versions = (kind == Kind::Logs).then(|| batch.column_by_name(VERSION)).flatten();
    let versions = versions.map(|column| column.as_fixed_size_binary());
    let version = |row: usize| versions.filter(|versions| versions.is_valid(row)).map(|versions| versions.value(row));
    let mut last: HashMap<(&str, Option<&[u8]>), usize> = HashMap::with_capacity(batch.num_rows());
    let rank = rank(batch);
    for row in 0..batch.num_rows() {
        let known = last.entry((names.value(row), version(row))).or_insert(row);
        if rank(row) >= rank(*known) {
            *known = row;
        }
    }
    let mut rows: Vec<usize> = last.into_values().collect();
    rows.sort_unstable();
    rows
}

/// What decides which of two rows on one thing counts: the later one; of one run, a proof outweighs a lack of it, and
/// something wrong outweighs both.
pub(super) fn rank(batch: &RecordBatch) -> impl Fn(usize) -> (i64, u8) {
    let times = batch.column_by_name("checked").map(|times| times.as_primitive::<TimestampMicrosecondType>().clone());
    let words = batch.column(1).as_string::<i32>().clone();
    move |row| {
        let word = words.value(row);
        let weight = if word == ProofState::Proved.name() || word == DigestVerdict::Valid.name() {
            1
        } else if word == ProofState::NotChecked.name() {
            0
        } else {
            2
        };
        (times.as_ref().map_or(0, |times| times.value(row)), weight)
    }
}
