//! Skipping whole files by the lake's index of bloom filters: a search for a value over years opens few files.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, Result};
use datafusion::physical_optimizer::pruning::PruningPredicate;
use datafusion::scalar::ScalarValue;
use futures::StreamExt;
use object_store::ObjectStore;
use object_store::path::Path;
use parquet::bloom_filter::Sbbf;
use trailql_lake::file_format::BLOOM_COLUMNS;
use trailql_lake::{BloomIndex, FileBlooms};

use crate::lake_file::LakeFile;

/// Files below which opening them is as good as asking the index.
pub(crate) const MIN_FILES: usize = 8;

/// A search for values in columns that have bloom filters.
#[derive(Debug)]
pub(crate) struct BloomSearch<'a> {
    predicate: &'a PruningPredicate,
    /// Places in [`BLOOM_COLUMNS`].
    columns: Vec<usize>,
}

impl<'a> BloomSearch<'a> {
    /// `None` where the predicate asks for no value of such a column.
    pub(crate) fn of(predicate: &'a PruningPredicate) -> Option<Self> {
        let searched = predicate.literal_columns();
        let place = |name: &String| BLOOM_COLUMNS.iter().position(|column| column == name);
        let columns: Vec<usize> = searched.iter().filter_map(place).collect();
        (!columns.is_empty()).then_some(Self { predicate, columns })
    }

    /// Whether reading the index costs less than reading the files' footers, in requests and in bytes.
    pub(crate) fn pays(&self, index: &BloomIndex, files: &[&LakeFile]) -> bool {
        let requests = self.columns.len() * index.segment_count();
        let footers: usize = files.iter().map(|file| file.footer_bytes()).sum();
        requests > 0 && requests < files.len() && index.search_bytes(&self.columns) < footers as u64
    }

    /// Says of each file of the index whether a row of it can match.
    pub(crate) async fn ask(&self, index: &BloomIndex, store: Arc<dyn ObjectStore>) -> Result<HashMap<Path, bool>> {
        let mut can_match = HashMap::new();
        let mut segments = std::pin::pin!(index.read(store, self.columns.clone()));
        while let Some(files) = segments.next().await {
            self.judge(files, &mut can_match)?;
        }
        Ok(can_match)
    }

    /// Judges the files of one segment, all row groups at once.
    fn judge(&self, files: Vec<FileBlooms>, can_match: &mut HashMap<Path, bool>) -> Result<()> {
        let row_groups: Vec<Vec<Option<Sbbf>>> =
            files.iter().flat_map(|file| &file.row_groups).map(|filters| decode(filters)).collect();
        let keep = self.predicate.prune(&Filters { columns: &self.columns, row_groups: &row_groups })?;
        let mut keep = keep.into_iter();
        for file in files {
            // Not `any`: every row group takes its answer.
            let kept = keep.by_ref().take(file.row_groups.len()).filter(|keep| *keep).count();
            can_match.insert(file.path, kept > 0);
        }
        Ok(())
    }
}

/// A filter that cannot be read rules nothing out.
fn decode(filters: &[Option<bytes::Bytes>]) -> Vec<Option<Sbbf>> {
    filters.iter().map(|filter| Sbbf::from_bytes(filter.as_ref()?).ok()).collect()
}

/// One container per row group, with its filters in the order of `columns`.
struct Filters<'a> {
    columns: &'a [usize],
    row_groups: &'a [Vec<Option<Sbbf>>],
}

impl PruningStatistics for Filters<'_> {
    fn min_values(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn max_values(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn num_containers(&self) -> usize {
        self.row_groups.len()
    }

    fn null_counts(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    /// `false` where a row group has none of the values; a filter never says for sure that it has one.
    #[allow(clippy::mutable_key_type)] // The trait's choice; the values are only read.
    fn contained(&self, column: &Column, values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        let at = self.columns.iter().position(|place| BLOOM_COLUMNS[*place] == column.name)?;
        // Bloom columns hold text; a value of another type says nothing.
        let texts: Vec<&str> = values.iter().map(|value| value.try_as_str().flatten()).collect::<Option<_>>()?;
        let lacks_all = |filters: &Vec<Option<Sbbf>>| match &filters[at] {
            Some(filter) if !texts.iter().any(|text| filter.check(*text)) => Some(false),
            _ => None,
        };
        Some(self.row_groups.iter().map(lacks_all).collect())
    }
}
