//! Lakes in temporary folders, and what is in them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::TimeDelta;
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;
use trailql_event::event_json;
use trailql_ingest::{IngestOptions, Summary, ingest};
use trailql_lake::Lake;
use trailql_store::Stores;
use trailql_upkeep::{OptimizeOptions, OptimizeSummary, Progress, VacuumOptions, VacuumSummary, optimize, vacuum};

/// A folder for log files and a lake.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A place whose lake got `files` log files in as many commits, 40 events each, half of them in the file before as well.
    pub(crate) async fn with_files(files: usize) -> Self {
        let place = Self::new();
        for file in 0..files {
            place.log(&format!("{file}.json"), &records(file * 20, 40));
            place.ingest().await;
        }
        place
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    pub(crate) fn location(&self) -> String {
        self.root().to_str().unwrap().to_owned()
    }

    pub(crate) async fn lake(&self) -> Lake {
        Lake::open(&Stores::default(), &self.location()).await.unwrap()
    }

    pub(crate) fn log(&self, name: &str, content: &str) {
        let logs = self.folder.path().join("logs");
        std::fs::create_dir_all(&logs).unwrap();
        std::fs::write(logs.join(name), content).unwrap();
    }

    pub(crate) fn options(&self) -> IngestOptions {
        IngestOptions::new(vec![self.folder.path().join("logs").to_str().unwrap().to_owned()])
    }

    pub(crate) async fn ingest(&self) -> Summary {
        let summary = ingest(&Stores::default(), &self.location(), &self.options(), trailql_ingest::Progress::new())
            .await
            .unwrap();
        assert_eq!(summary.read, summary.kept + summary.duplicates + summary.filtered + summary.rejected);
        summary
    }

    pub(crate) async fn optimize(&self) -> OptimizeSummary {
        let summary = optimize(&mut self.lake().await, &OptimizeOptions::default(), &Progress::new()).await.unwrap();
        assert!(summary.failed.is_empty(), "{summary:?}");
        summary
    }

    pub(crate) async fn vacuum(&self, older_than: TimeDelta) -> VacuumSummary {
        let options = VacuumOptions { older_than, dry_run: false };
        let summary = vacuum(&mut self.lake().await, &options).await.unwrap();
        assert!(summary.failed.is_empty(), "{summary:?}");
        summary
    }

    /// Makes commits that change no row.
    pub(crate) async fn make_commits(&self, count: u64) {
        let mut lake = self.lake().await;
        for day in 0..count {
            let floor = chrono::NaiveDate::default() + chrono::Days::new(day);
            lake.expire(&[], floor).await.unwrap();
        }
    }

    /// The rows of the newest version.
    pub(crate) async fn rows(&self) -> Vec<String> {
        rows(&self.lake().await).await
    }

    /// Actions of one commit.
    pub(crate) fn actions(&self, version: u64) -> Vec<Value> {
        let text = std::fs::read_to_string(self.root().join(format!("_delta_log/{version:020}.json"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Files of the lake below `folder`, relative to the lake.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let mut files = Vec::new();
        collect(&self.root().join(folder), &mut files);
        files.into_iter().map(|path| path.strip_prefix(self.root()).unwrap().to_str().unwrap().to_owned()).collect()
    }

    /// Makes every file of the lake look as if written that long ago.
    pub(crate) fn age(&self, days: u64) {
        let time = SystemTime::now() - Duration::from_secs(days * 86_400);
        for file in self.files("") {
            std::fs::File::options().write(true).open(self.root().join(file)).unwrap().set_modified(time).unwrap();
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}

/// The rows of a lake as `region date event`, sorted.
pub(crate) async fn rows(lake: &Lake) -> Vec<String> {
    let mut rows = Vec::new();
    for file in &lake.snapshot().files {
        let bytes = lake.store().get(&file.path).await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes.len() as u64, file.size_bytes);
        let before = rows.len();
        for batch in ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap() {
            let texts = event_json(&batch.unwrap()).unwrap();
            rows.extend(texts.iter().map(|text| format!("{:?} {:?} {}", file.region, file.date, text.unwrap())));
        }
        assert_eq!((rows.len() - before) as u64, file.row_count.unwrap());
    }
    rows.sort();
    rows
}

/// A log file with `count` events from number `first` on, over three days and two regions, some without a time.
pub(crate) fn records(first: usize, count: usize) -> String {
    let event = |n: usize| {
        let region = ["us-east-1", "eu-west-1"][n % 2];
        let time =
            if n % 29 == 28 { "soon".to_owned() } else { format!("2024-03-{:02}T10:00:{:02}Z", n % 3 + 1, n % 60) };
        format!(
            r#"{{"eventVersion":"1.08","eventID":"event-{n}","eventTime":"{time}","awsRegion":"{region}","eventName":"Call{}","userIdentity":{{"arn":"arn:{}"}},"requestParameters":{{"n":{n}.0}}}}"#,
            n % 7,
            n % 5
        )
    };
    format!("{{\"Records\":[{}]}}", (first..first + count).map(event).collect::<Vec<_>>().join(","))
}
