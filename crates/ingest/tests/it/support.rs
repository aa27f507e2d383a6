//! Lakes in temporary folders, and what is in them.

use std::path::{Path, PathBuf};

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use object_store::ObjectStoreExt;
use tempfile::TempDir;
use trailql_event::event_json;
use trailql_ingest::{IngestOptions, Progress, Summary, ingest};
use trailql_lake::Lake;
use trailql_store::Stores;

/// A folder for log files and a lake.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn lake(&self) -> String {
        self.folder.path().join("lake").to_str().unwrap().to_owned()
    }

    /// Writes a log file and returns its path.
    pub(crate) fn log(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.folder.path().join("logs").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) async fn ingest(&self, sources: &[&str]) -> Summary {
        self.ingest_with(&options(sources)).await
    }

    pub(crate) async fn ingest_with(&self, options: &IngestOptions) -> Summary {
        let summary = ingest(&Stores::default(), &self.lake(), options, Progress::new()).await.unwrap();
        assert_eq!(summary.read, summary.kept + summary.duplicates + summary.filtered + summary.rejected);
        summary
    }

    /// The events of the lake as `region date event`, sorted.
    pub(crate) async fn events(&self) -> Vec<String> {
        lake_events(&self.lake()).await
    }

    /// Lines of the rejected files.
    pub(crate) fn rejected(&self, summary: &Summary) -> Vec<serde_json::Value> {
        let Some(folder) = &summary.rejected_folder else { return Vec::new() };
        let folder = Path::new(&self.lake()).join(folder);
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let texts = files.map(|path| std::fs::read_to_string(path).unwrap()).collect::<String>();
        texts.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) fn options(sources: &[&str]) -> IngestOptions {
    IngestOptions::new(sources.iter().map(|source| (*source).to_owned()).collect())
}

/// Folder of the bundled test files.
pub(crate) fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

pub(crate) async fn lake_events(location: &str) -> Vec<String> {
    let lake = Lake::open(&Stores::default(), location).await.unwrap();
    let mut events = Vec::new();
    for file in &lake.snapshot().files {
        let bytes = lake.store().get(&file.path).await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes.len() as u64, file.size_bytes);
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
        let before = events.len();
        for batch in reader {
            let texts = event_json(&batch.unwrap()).unwrap();
            events.extend(texts.iter().map(|text| format!("{:?} {:?} {}", file.region, file.date, text.unwrap())));
        }
        assert_eq!((events.len() - before) as u64, file.row_count.unwrap());
    }
    events.sort();
    events
}
