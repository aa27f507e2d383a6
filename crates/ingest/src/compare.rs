//! Events as JSON, from the batch in hand and from the lake, for the rare case that an ID alone does not decide.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowPredicateFn, ArrowReaderOptions, RowFilter};
use ::parquet::arrow::async_reader::AsyncFileReader;
use ::parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use ::parquet::errors::{ParquetError, Result as ParquetResult};
use ::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use arrow::array::{Array, AsArray, BooleanArray, UInt32Array};
use arrow::compute::take_record_batch;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt};
use trailql_event::event_json;
use trailql_lake::{DataFile, Lake};

use crate::batch::{Batch, Partition, RowId};
use crate::error::IngestError;

/// The JSON of one row.
pub(crate) fn event_text(batch: &Batch, row: RowId) -> Result<String, IngestError> {
    let one = take_record_batch(batch.rows(row.batch), &UInt32Array::from(vec![row.row]))?;
    Ok(event_json(&one)?.value(0).to_owned())
}

/// Events of the lake by ID, as JSON.
#[derive(Debug, Default)]
pub(crate) struct LakeEvents {
    by_id: HashMap<String, String>,
}

impl LakeEvents {
    /// Reads the events with these IDs. The files of `partitions` are read first, since an event delivered again is in
    /// the same place; the others only for IDs that were not found there.
    pub(crate) async fn read(
        lake: &Lake,
        mut ids: HashSet<String>,
        partitions: &BTreeSet<Partition>,
    ) -> Result<Self, IngestError> {
        let mut events = Self::default();
        let snapshot = lake.snapshot();
        let (near, far): (Vec<_>, Vec<_>) =
            snapshot.files.iter().partition(|file| partitions.iter().any(|partition| partition.holds(file)));
        for file in near.into_iter().chain(far) {
            if ids.is_empty() {
                break;
            }
            for (id, event) in read_file(lake, file, &ids).await? {
                ids.remove(&id);
                events.by_id.insert(id, event);
            }
        }
        Ok(events)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&str> {
        self.by_id.get(id).map(String::as_str)
    }
}

async fn read_file(lake: &Lake, file: &DataFile, ids: &HashSet<String>) -> Result<Vec<(String, String)>, IngestError> {
    let failed = |source| IngestError::Parquet { action: "reading", partition: file.path.to_string(), source };
    let reader = LakeFile { store: lake.store(), file: file.clone() };
    let mut builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(failed)?;
    let schema = builder.parquet_schema();
    let Some(column) = schema.columns().iter().position(|column| column.path().string() == "eventid") else {
        return Ok(Vec::new());
    };
    let mask = ProjectionMask::leaves(schema, [column]);
    let mut groups = Vec::new();
    for group in 0..builder.metadata().num_row_groups() {
        let bloom = builder.get_row_group_column_bloom_filter(group, column).await.map_err(failed)?;
        if bloom.is_none_or(|bloom| ids.iter().any(|id| bloom.check(&id.as_str()))) {
            groups.push(group);
        }
    }
    let wanted = Arc::new(ids.clone());
    let predicate = ArrowPredicateFn::new(mask, move |batch| {
        let found = batch.column(0).as_string::<i32>().iter();
        Ok(BooleanArray::from_iter(found.map(|id| Some(id.is_some_and(|id| wanted.contains(id))))))
    });
    let stream = builder
        .with_row_groups(groups)
        .with_row_filter(RowFilter::new(vec![Box::new(predicate)]))
        .build()
        .map_err(failed)?;
    let batches: Vec<_> = stream.try_collect().await.map_err(failed)?;
    let mut events = Vec::new();
    for batch in batches {
        let texts = event_json(&batch)?;
        let found = batch["eventid"].as_string::<i32>();
        events.extend(
            (0..batch.num_rows())
                .filter(|row| found.is_valid(*row))
                .map(|row| (found.value(row).to_owned(), texts.value(row).to_owned())),
        );
    }
    Ok(events)
}

/// A data file of the lake, read by ranges.
struct LakeFile {
    store: Arc<dyn ObjectStore>,
    file: DataFile,
}

impl AsyncFileReader for LakeFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move {
            let bytes = self.store.get_range(&self.file.path, range).await;
            bytes.map_err(|error| ParquetError::External(Box::new(error)))
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let size_bytes = self.file.size_bytes;
            let metadata = ParquetMetaDataReader::new().load_and_finish(self, size_bytes).await?;
            Ok(Arc::new(metadata))
        }
        .boxed()
    }
}
