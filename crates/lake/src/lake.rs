//! Opening, creating and refreshing a lake.

use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;
use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::{StructField, StructType};
use deltalake::logstore::{StorageConfig, default_logstore};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use object_store::ObjectStore;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use tokio::sync::OnceCell;
use trailql_event::{DATE, REGION, table_schema};
use trailql_store::{S3Location, Stores};
use url::Url;

use crate::bloom_index::{BloomIndex, INDEX_DOMAIN};
use crate::conditional::has_conditional_writes;
use crate::error::LakeError;
use crate::ledger::{LEDGER_DOMAIN, LEDGER_FOLDER, Ledger};
use crate::log_cache::LogCache;
use crate::snapshot::{DataFile, Snapshot};

/// Name that a lake's Delta table carries.
const TABLE_NAME: &str = "cloudtrail_logs";

/// A lake at one version; cheap to clone.
#[derive(Clone)]
pub struct Lake {
    pub(crate) table: DeltaTable,
    pub(crate) ledger: Arc<Ledger>,
    /// First day that is kept; see [`Lake::retention_floor`].
    pub(crate) floor: Arc<OnceCell<Option<NaiveDate>>>,
    /// See [`Lake::bloom_index`].
    pub(crate) index: Arc<OnceCell<BloomIndex>>,
    snapshot: Arc<Snapshot>,
}

impl std::fmt::Debug for Lake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lake").field("url", &self.url().as_str()).field("version", &self.snapshot.version).finish()
    }
}

impl Lake {
    /// Opens the lake in a folder or at a URL.
    ///
    /// Fails with [`LakeError::NotFound`] where there is none, and with [`LakeError::NotALake`] for a Delta table
    /// without trailql's columns.
    pub async fn open(stores: &Stores, location: &str) -> Result<Self, LakeError> {
        let url = location_url(location)?;
        if url.scheme() == "file" && !url.to_file_path().is_ok_and(|path| path.join("_delta_log").is_dir()) {
            return Err(LakeError::NotFound { location: location.to_owned() });
        }
        let table = build(stores, &url, location).await?;
        match Self::load(table).await {
            Err(LakeError::Log { source, .. }) if is_missing(&source) => {
                Err(LakeError::NotFound { location: location.to_owned() })
            }
            other => other?.checked(location),
        }
    }

    /// Opens the lake, or creates an empty one where there is none.
    ///
    /// Safe beside another process that does the same: one of them creates it, both open it.
    pub async fn open_or_create(stores: &Stores, location: &str) -> Result<Self, LakeError> {
        match Self::open(stores, location).await {
            Err(LakeError::NotFound { .. }) => {}
            other => return other,
        }
        let url = location_url(location)?;
        if let Ok(folder) = url.to_file_path() {
            std::fs::create_dir_all(&folder)
                .map_err(|source| LakeError::Location { location: location.to_owned(), source: source.into() })?;
        }
        let table = build(stores, &url, location).await?;
        if url.scheme() != "file" {
            check_store(table.log_store().object_store(None).as_ref(), location).await?;
        }
        match create(&table).await {
            Ok(()) => {}
            // Another process was first: its table is as good as ours.
            Err(error) if table.verify_deltatable_existence().await.unwrap_or(false) => {
                tracing::debug!(%error, "lake was created by another process");
            }
            Err(source) => return Err(LakeError::Log { action: "creating", url: url.into(), source: source.into() }),
        }
        Self::open(stores, location).await
    }

    /// Loads the newest version, if another process committed one.
    pub async fn refresh(&mut self) -> Result<(), LakeError> {
        let latest = self.table.get_latest_version().await.map_err(|source| self.log_error("reading", source))?;
        if latest != self.snapshot.version {
            *self = Self::load(self.table.clone()).await?;
        }
        Ok(())
    }

    /// Loads the newest version after a file of this one was found gone; returns `gone` where there is no newer version,
    /// since then the file is lost.
    pub async fn catch_up(&mut self, gone: LakeError) -> Result<(), LakeError> {
        let version = self.snapshot.version;
        self.refresh().await?;
        if self.snapshot.version == version { Err(gone) } else { Ok(()) }
    }

    /// The data files as of the last open, refresh or commit.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// The ledger as of the last open, refresh or commit.
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    /// The bloom filters of the data files as of the last open, refresh or commit.
    ///
    /// Which files hold them is read from the Delta log when first asked for.
    pub async fn bloom_index(&self) -> Result<&BloomIndex, LakeError> {
        self.index
            .get_or_try_init(|| async {
                let state = self.table.snapshot().map_err(|source| self.log_error("reading", source))?;
                let manifest = state.snapshot().domain_metadata(self.table.log_store().as_ref(), INDEX_DOMAIN).await;
                let manifest = manifest.map_err(|source| self.log_error("reading", source))?;
                Ok(BloomIndex::parse(manifest.as_deref(), self.store()))
            })
            .await
    }

    /// Store rooted at the lake: [`DataFile::path`] is relative to it.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        self.table.log_store().object_store(None)
    }

    /// Where the lake is.
    pub fn url(&self) -> &Url {
        self.table.table_url()
    }

    pub(crate) fn log_error(&self, action: &'static str, source: DeltaTableError) -> LakeError {
        LakeError::Log { action, url: self.url().to_string(), source: source.into() }
    }

    async fn load(mut table: DeltaTable) -> Result<Self, LakeError> {
        let url = table.table_url().to_string();
        let failed =
            |source: DeltaTableError| LakeError::Log { action: "reading", url: url.clone(), source: source.into() };
        table.update_state().await.map_err(failed)?;
        Self::from_table(table).await
    }

    /// The lake at the version that `table` has loaded.
    pub(crate) async fn from_table(table: DeltaTable) -> Result<Self, LakeError> {
        let url = table.table_url().to_string();
        let failed =
            |source: DeltaTableError| LakeError::Log { action: "reading", url: url.clone(), source: source.into() };
        let state = table.snapshot().map_err(failed)?.snapshot();
        let log_store = table.log_store();
        let manifest = state.domain_metadata(log_store.as_ref(), LEDGER_DOMAIN).await.map_err(failed)?;
        let files = state.try_log_data().map_err(failed)?.iter().map(|view| DataFile::from_view(&view)).collect();
        let snapshot = Arc::new(Snapshot { version: state.version(), files });
        let ledger = Arc::new(Ledger::parse(manifest.as_deref(), log_store.object_store(None))?);
        Ok(Self { table, ledger, floor: Arc::default(), index: Arc::default(), snapshot })
    }

    /// Refuses a Delta table that lacks the columns of [`table_schema`].
    fn checked(self, location: &str) -> Result<Self, LakeError> {
        let state = self.table.snapshot().map_err(|source| self.log_error("reading", source))?;
        let schema = state.schema();
        let missing: Vec<_> = table_schema()
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .filter(|name| schema.field(name).is_none())
            .collect();
        if missing.is_empty() {
            return Ok(self);
        }
        let reason = format!("it has no column {}", missing.join(", "));
        Err(LakeError::NotALake { location: location.to_owned(), reason })
    }
}

/// The table at a location, not loaded yet.
///
/// In a bucket it is put on a store of ours, whose conditional writes are all that commits need: no table of locks.
async fn build(stores: &Stores, url: &Url, location: &str) -> Result<DeltaTable, LakeError> {
    if let Some(place) = S3Location::parse(location) {
        let place = place?;
        let store = stores.object_store(&place.bucket, is_data_file).await?;
        let root: Arc<dyn ObjectStore> = Arc::new(LogCache::new(store));
        let prefix = Path::parse(&place.key)
            .map_err(|error| LakeError::Location { location: location.to_owned(), source: error.into() })?;
        let store = Arc::new(PrefixStore::new(Arc::clone(&root), prefix));
        return Ok(DeltaTable::new(default_logstore(store, root, url, &StorageConfig::default())));
    }
    DeltaTableBuilder::from_url(url.clone())
        .and_then(DeltaTableBuilder::build)
        .map_err(|source| LakeError::Location { location: location.to_owned(), source: source.into() })
}

/// Whether the object is a data file, whose name is given once and never again.
fn is_data_file(path: &Path) -> bool {
    path.filename().is_some_and(|name| name.starts_with("part-") && name.ends_with(".parquet"))
}

/// Refuses a store on which writers would lose each other's commits.
async fn check_store(store: &dyn ObjectStore, location: &str) -> Result<(), LakeError> {
    let probed = has_conditional_writes(store).await;
    if probed.map_err(|error| LakeError::store("writing", &Path::from(LEDGER_FOLDER), error))? {
        return Ok(());
    }
    let reason = "its server has no conditional writes (If-None-Match), which commits stand on";
    Err(LakeError::Location { location: location.to_owned(), source: reason.into() })
}

async fn create(table: &DeltaTable) -> Result<(), DeltaTableError> {
    let schema: StructType = table_schema().as_ref().try_into_kernel()?;
    let columns: Vec<StructField> = schema.fields().cloned().collect();
    CreateBuilder::new()
        .with_log_store(table.log_store())
        .with_table_name(TABLE_NAME)
        .with_comment("AWS CloudTrail events, one row each")
        .with_save_mode(SaveMode::ErrorIfExists)
        .with_columns(columns)
        .with_partition_columns([REGION, DATE])
        .with_configuration([
            // The ledger lives in domain metadata, which is a writer feature; readers are not concerned by it.
            ("delta.feature.domainMetadata", Some("supported")),
            // As Spark does: whoever opens the lake reads the last checkpoint and no more commits than these.
            ("delta.checkpointInterval", Some("10")),
        ])
        .with_raise_if_key_not_exists(false)
        .await?;

    Ok(())
}

fn is_missing(error: &DeltaTableError) -> bool {
    matches!(error, DeltaTableError::NotATable(_) | DeltaTableError::InvalidTableLocation(_))
        || error.to_string().contains("No files in log segment")
}

/// URL of a lake that the user named by a path or a URL; the folder need not exist.
fn location_url(location: &str) -> Result<Url, LakeError> {
    let refuse = |reason: String| LakeError::Location { location: location.to_owned(), source: reason.into() };
    if let Some(place) = S3Location::parse(location) {
        return Url::parse(&place?.to_string()).map_err(|error| refuse(error.to_string()));
    }
    if location.contains("://") {
        return Url::parse(location).map_err(|error| refuse(error.to_string()));
    }
    let path = absolute(FsPath::new(location)).map_err(|error| refuse(error.to_string()))?;
    if path.exists() && !path.is_dir() {
        return Err(refuse("it is a file, and a lake is a folder".to_owned()));
    }
    Url::from_directory_path(&path).map_err(|()| refuse("the path cannot be written as a URL".to_owned()))
}

/// Absolute form of a path, with symbolic links resolved as far as it exists.
fn absolute(path: &FsPath) -> std::io::Result<PathBuf> {
    match path.canonicalize() {
        Ok(path) => Ok(path),
        Err(_) => std::path::absolute(path),
    }
}
