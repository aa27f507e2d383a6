//! Where rejected records, conflicts and failed files are kept for the user to look at.

use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::json;
use trailql_lake::{Lake, REJECTED_FOLDER};

use crate::account::FailedFile;
use crate::batch::{Batch, Fate};
use crate::compare::event_text;
use crate::error::IngestError;

/// The rejected folder of one run.
#[derive(Debug)]
pub(crate) struct RejectedFolder {
    run: String,
    written: usize,
}

impl RejectedFolder {
    /// Names the folder after the time and a random part; nothing is created before there is something to keep.
    pub(crate) fn new() -> Self {
        let time = chrono::Utc::now().format("%Y%m%dT%H%M%SZ");
        let random = uuid::Uuid::new_v4().simple().to_string();
        Self { run: format!("{time}-{}", &random[..8]), written: 0 }
    }

    /// Path within the lake, once there is something in it.
    pub(crate) fn path(&self) -> Option<String> {
        (self.written > 0).then(|| format!("{REJECTED_FOLDER}/{}", self.run))
    }

    /// Writes the rejected records and conflicts of a batch, one JSON object a line.
    pub(crate) async fn keep(&mut self, lake: &Lake, batch: &Batch) -> Result<(), IngestError> {
        let mut lines = String::new();
        for reject in &batch.rejects {
            let line = json!({
                "kind": "record", "file": reject.file, "record": reject.record, "reason": reject.reason, "text": reject.text,
            });
            lines.push_str(&format!("{line}\n"));
        }
        for row in batch.rows_with(Fate::Conflict).collect::<Vec<_>>() {
            let id = batch.event_id(row).unwrap_or_default();
            let rows = batch.rows(row.batch);
            let file =
                arrow::array::AsArray::as_string::<i32>(&rows[trailql_event::SOURCE_FILE]).value(row.row as usize);
            let line = json!({
                "kind": "conflict", "file": file, "eventID": id, "text": event_text(batch, row)?,
                "reason": "another event with this eventID is in the lake already",
            });
            lines.push_str(&format!("{line}\n"));
        }
        self.write(lake, lines).await
    }

    /// Writes the files that could not be read.
    pub(crate) async fn keep_files(&mut self, lake: &Lake, failed: &[FailedFile]) -> Result<(), IngestError> {
        let line = |failed: &FailedFile| {
            format!("{}\n", json!({"kind": "file", "file": failed.file, "reason": failed.reason}))
        };
        self.write(lake, failed.iter().map(line).collect()).await
    }

    async fn write(&mut self, lake: &Lake, lines: String) -> Result<(), IngestError> {
        if lines.is_empty() {
            return Ok(());
        }
        let path = Path::from(format!("{REJECTED_FOLDER}/{}/{:05}.jsonl", self.run, self.written));
        let put = lake.store().put(&path, Bytes::from(lines).into()).await;
        put.map_err(|source| IngestError::Store { action: "writing", path, source })?;
        self.written += 1;
        Ok(())
    }
}
