//! One set of settings, and the buckets that were opened with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, resolve_bucket_region};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use crate::block_cache::BlockCache;
use crate::bucket::Bucket;
use crate::cached_store::CachedStore;
use crate::environment::{Environment, load_sdk_config};
use crate::error::{StoreError, chain};
use crate::settings::{CacheSettings, Encryption, S3Settings};
use crate::usage::{Counters, StoreUsage};
use crate::wire::CountingConnector;

/// A server that cannot be connected to within this is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// One request with its body. Reads that take longer go on where they were; a ledger file of 48 MB must get through in
/// one go, also on a line of 4 Mbit/s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(100);

/// Attempts unless told otherwise; with the backoff below they span some ten seconds.
const DEFAULT_ATTEMPTS: u32 = 12;

/// Attempts are not begun later than this after the first: they are sent with the first one's credentials.
const RETRY_TIMEOUT: Duration = Duration::from_secs(180);

/// Region of a client where nobody names one; servers other than AWS mostly take any.
const FALLBACK_REGION: &str = "us-east-1";

/// Buckets behind one set of settings; cheap to clone, and clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Stores {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    settings: S3Settings,
    counters: Arc<Counters>,
    environment: OnceCell<Environment>,
    buckets: Mutex<HashMap<String, Arc<OnceCell<Bucket>>>>,
    cache: OnceCell<Arc<BlockCache>>,
    cleaning: Mutex<Vec<JoinHandle<()>>>,
}

impl Stores {
    /// Takes settings; nothing is looked up before a bucket is asked for.
    pub fn new(settings: S3Settings) -> Self {
        Self { inner: Arc::new(Inner { settings, ..Inner::default() }) }
    }

    /// Opens a bucket, or returns the one that was opened before.
    ///
    /// Fails if there are no credentials or the settings do not fit together. That the bucket exists shows with the
    /// first request.
    pub async fn bucket(&self, name: &str) -> Result<Bucket, StoreError> {
        let cell = {
            let mut buckets = self.inner.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(buckets.entry(name.to_owned()).or_default())
        };
        cell.get_or_try_init(|| self.open(name)).await.cloned()
    }

    /// The same credentials and region for other services of AWS; their endpoints come from the usual places.
    pub async fn sdk_config(&self) -> SdkConfig {
        install_crypto();
        load_sdk_config(&self.inner.settings).await
    }

    /// A bucket as an object store, rooted at its top.
    ///
    /// Where a cache is asked for, ranges of the objects that `is_immutable` names are read through it.
    pub async fn object_store(
        &self,
        bucket: &str,
        is_immutable: fn(&Path) -> bool,
    ) -> Result<Arc<dyn ObjectStore>, StoreError> {
        let bucket = self.bucket(bucket).await?;
        let Some(settings) = &self.inner.settings.cache else { return Ok(Arc::new(bucket)) };
        let cache = self.inner.cache.get_or_try_init(|| open_cache(settings)).await?;
        let url = bucket.to_string();
        Ok(Arc::new(CachedStore::new(Arc::new(bucket), url, Arc::clone(cache), is_immutable)))
    }

    /// What all buckets together were asked so far.
    pub fn usage(&self) -> StoreUsage {
        self.inner.counters.snapshot()
    }

    /// Begins work that whoever is being dropped cannot wait for, such as taking back an upload.
    ///
    /// Outside a runtime there is nothing to do it with, and it is left undone.
    pub fn clean_up(&self, work: impl Future<Output = ()> + Send + 'static) {
        let Ok(runtime) = Handle::try_current() else { return };
        self.inner.cleaning.lock().unwrap_or_else(PoisonError::into_inner).push(runtime.spawn(work));
    }

    /// Waits for what was begun by [`clean_up`](Self::clean_up); to be called before the program ends.
    pub async fn settle(&self) {
        let begun = std::mem::take(&mut *self.inner.cleaning.lock().unwrap_or_else(PoisonError::into_inner));
        for work in begun {
            // It says itself what went wrong.
            let _ = work.await;
        }
    }

    async fn open(&self, name: &str) -> Result<Bucket, StoreError> {
        install_crypto();
        let settings = &self.inner.settings;
        let environment = self.inner.environment.get_or_try_init(|| Environment::load(settings)).await?;
        let region = region(name, settings, environment).await?;
        let failed = |error: object_store::Error| StoreError::Client { bucket: name.to_owned(), reason: chain(&error) };
        let s3 = self.client(name, &region, environment).map_err(failed)?;
        Ok(Bucket::new(name, s3, Arc::clone(&environment.credentials)))
    }

    fn client(&self, bucket: &str, region: &str, environment: &Environment) -> object_store::Result<AmazonS3> {
        let settings = &self.inner.settings;
        let connector = CountingConnector { counters: Arc::clone(&self.inner.counters) };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region)
            .with_credentials(Arc::clone(&environment.credentials) as _)
            .with_http_connector(connector)
            .with_retry(retries(settings))
            .with_request_payer(settings.requester_pays);
        let mut options = client_options();
        if let Some(endpoint) = &environment.endpoint {
            builder = builder.with_endpoint(endpoint.as_str().trim_end_matches('/'));
            options = options.with_allow_http(endpoint.scheme() == "http");
        } else if let Some(endpoint) = partition_endpoint(region) {
            builder = builder.with_endpoint(endpoint);
        } else {
            // Names with dots do not fit into a certificate for subdomains.
            builder = builder.with_virtual_hosted_style_request(!bucket.contains('.'));
        }
        match &settings.encryption {
            None => {}
            Some(Encryption::S3) => {
                builder = builder.with_config(server_side_encryption()?, "AES256");
            }
            Some(Encryption::Kms { key_id: Some(key_id) }) => builder = builder.with_sse_kms_encryption(key_id),
            Some(Encryption::Kms { key_id: None }) => {
                builder = builder.with_config(server_side_encryption()?, "aws:kms");
            }
        }
        builder.with_client_options(options).build()
    }
}

/// Opens the cache's folder, which may take looking through many files.
async fn open_cache(settings: &CacheSettings) -> Result<Arc<BlockCache>, StoreError> {
    let CacheSettings { folder, max_bytes } = settings.clone();
    let failed = |reason: String| StoreError::Cache { folder: settings.folder.display().to_string(), reason };
    let opened = tokio::task::spawn_blocking(move || BlockCache::open(&folder, max_bytes)).await;
    let opened = opened.map_err(|error| failed(error.to_string()))?;
    opened.map(Arc::new).map_err(|error| failed(error.to_string()))
}

/// Two crates of the tree bring a cryptography for TLS each; whoever asks for the process's own gets this one.
fn install_crypto() {
    // An error means that one is installed, which is all that is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn client_options() -> ClientOptions {
    ClientOptions::new()
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(REQUEST_TIMEOUT)
        .with_user_agent(http::HeaderValue::from_static(concat!("trailql/", env!("CARGO_PKG_VERSION"))))
}

fn retries(settings: &S3Settings) -> RetryConfig {
    let attempts = settings.max_attempts.unwrap_or(DEFAULT_ATTEMPTS).max(1);
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.5,
        },
        max_retries: attempts as usize - 1,
        retry_timeout: RETRY_TIMEOUT,
    }
}

fn server_side_encryption() -> object_store::Result<AmazonS3ConfigKey> {
    "aws_server_side_encryption".parse()
}

/// The region that is asked for, else the bucket's own, else the environment's.
async fn region(bucket: &str, settings: &S3Settings, environment: &Environment) -> Result<String, StoreError> {
    let configured = || environment.region.clone().unwrap_or_else(|| FALLBACK_REGION.to_owned());
    if settings.region.is_some() || environment.endpoint.is_some() {
        return Ok(configured());
    }
    match resolve_bucket_region(bucket, &client_options()).await {
        Ok(region) => Ok(region),
        Err(error) if error.to_string().contains("not found") => {
            Err(StoreError::NoBucket { bucket: bucket.to_owned() })
        }
        Err(error) => {
            // Networks that reach S3 in one region only, and partitions with S3 of their own.
            tracing::info!(bucket, %error, "the bucket's region is unknown; taking the configured one");
            Ok(configured())
        }
    }
}

/// Endpoint of S3 in the partitions of AWS whose domain is not `amazonaws.com`.
fn partition_endpoint(region: &str) -> Option<String> {
    region.starts_with("cn-").then(|| format!("https://s3.{region}.amazonaws.com.cn"))
}
