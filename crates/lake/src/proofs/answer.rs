//! What the records come to, as tables.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array, new_null_array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use object_store::path::Path;

use super::files::{Kind, PROOFS_FOLDER, latest, rank, read_all};
use super::records::{ProofState, VERSION, digest_schema, log_schema};
use crate::error::LakeError;
use crate::lake::Lake;
use crate::ledger::ObjectKey;

/// Said of a log file that was proved, while events of another version of it are in the lake.
const OTHER_VERSION: &str = "events of another version of this file are in the lake, and that one was not proved";

/// Said of a log file that no run has looked at.
const NO_RECORD: &str = "it was ingested without a check, and no validation was recorded since";

/// Columns of what is known about log files.
pub fn log_proof_schema() -> SchemaRef {
    let fields = log_schema().fields().iter().filter(|field| field.name() != VERSION).cloned().collect::<Vec<_>>();
    Arc::new(Schema::new(fields))
}

/// Columns of what is known about digests.
pub fn digest_proof_schema() -> SchemaRef {
    digest_schema()
}

impl Lake {
    /// What is known about each log file, one row each, in the columns of [`log_proof_schema`]; nothing if no run was ever
    /// recorded.
    ///
    /// Log files of the ledger that no run has looked at are among them, as not checked, and so are those that were proved
    /// in another version than the one that was ingested.
    pub async fn log_proofs(&self) -> Result<Vec<RecordBatch>, LakeError> {
        let records = read_all(&self.store(), Kind::Logs).await?;
        if records.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let unproved = self.unproved_files(&proved_versions(&records)).await?;
        let damaged = |error: ArrowError| LakeError::proofs(&Path::from(PROOFS_FOLDER), error);
        log_answer(&records, unproved).map_err(damaged)
    }

    /// What is known about each digest, one row each, in the columns of [`digest_proof_schema`].
    pub async fn digest_proofs(&self) -> Result<RecordBatch, LakeError> {
        let records = read_all(&self.store(), Kind::Digests).await?;
        let rows = UInt64Array::from_iter_values(latest(&records, Kind::Digests).into_iter().map(|row| row as u64));
        take_record_batch(&records, &rows).map_err(|error| LakeError::proofs(&Path::from(PROOFS_FOLDER), error))
    }

    /// Names of the ingested files of which a version is in the lake that was never proved.
    async fn unproved_files(&self, proved: &HashSet<ObjectKey>) -> Result<HashSet<String>, LakeError> {
        let mut lake = self.clone();
        loop {
            let mut unproved = HashSet::new();
            let note = |key: ObjectKey, url: &str| {
                if !proved.contains(&key) {
                    unproved.insert(url.to_owned());
                }
            };
            match lake.ledger().for_each_object(note).await {
                Err(moved @ LakeError::LedgerMoved { .. }) => lake.catch_up(moved).await?,
                outcome => return outcome.map(|()| unproved),
            }
        }
    }
}

fn proved_versions(records: &RecordBatch) -> HashSet<ObjectKey> {
    let states = records.column(1).as_string::<i32>();
    let Some(versions) = records.column_by_name(VERSION) else { return HashSet::new() };
    let versions = versions.as_fixed_size_binary();
    let is_proved = |row: &usize| versions.is_valid(*row) && states.value(*row) == ProofState::Proved.name();
    let version = |row: usize| versions.value(row).try_into().map(ObjectKey::from_le_bytes).ok();
    (0..records.num_rows()).filter(is_proved).filter_map(version).collect()
}

/// One row for each file: what was found last, unless events of an unproved version are in the lake.
fn log_answer(records: &RecordBatch, mut unproved: HashSet<String>) -> Result<Vec<RecordBatch>, ArrowError> {
    let names = records.column(0).as_string::<i32>();
    let mut last: HashMap<&str, usize> = HashMap::new();
    let rank = rank(records);
    for row in 0..records.num_rows() {
        let known = last.entry(names.value(row)).or_insert(row);
        if rank(row) >= rank(*known) {
            *known = row;
        }
    }
    let mut rows: Vec<usize> = last.into_values().collect();
    rows.sort_unstable();
    let states = records.column(1).as_string::<i32>();
    let reasons = records.column(2).as_string::<i32>();
    let settled = rows.iter().map(|&row| {
        let (state, reason) = (states.value(row), reasons.is_valid(row).then(|| reasons.value(row)));
        let is_unproved = unproved.remove(names.value(row));
        let is_proved = state == ProofState::Proved.name();
        if is_unproved && is_proved { (ProofState::NotChecked.name(), Some(OTHER_VERSION)) } else { (state, reason) }
    });
    let (states, reasons): (Vec<_>, Vec<_>) = settled.unzip();
    let rows = UInt64Array::from_iter_values(rows.iter().map(|&row| row as u64));
    let taken = take_record_batch(records, &rows)?;
    let mut columns = taken.columns()[..taken.num_columns() - 1].to_vec();
    columns[1] = Arc::new(StringArray::from(states));
    columns[2] = Arc::new(StringArray::from(reasons));
    let recorded = RecordBatch::try_new(log_proof_schema(), columns)?;
    Ok(vec![recorded, unrecorded(unproved)?])
}

fn unrecorded(files: HashSet<String>) -> Result<RecordBatch, ArrowError> {
    let mut files: Vec<String> = files.into_iter().collect();
    files.sort_unstable();
    let (schema, count) = (log_proof_schema(), files.len());
    let same = |text: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, count))) as ArrayRef;
    let mut columns: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(files)), same(ProofState::NotChecked.name()), same(NO_RECORD)];
    columns.extend(schema.fields()[3..].iter().map(|field| new_null_array(field.data_type(), count)));
    RecordBatch::try_new(schema, columns)
}
