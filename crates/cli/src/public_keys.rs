//! Public keys: from files, from CloudTrail, and from what CloudTrail said in earlier runs.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use aws_config::{Region, SdkConfig};
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::error::DisplayErrorContext;
use aws_sdk_cloudtrail::primitives::DateTime as SdkTime;
use chrono::{DateTime, Utc};
use tokio::sync::OnceCell;
use trailql_integrity::{KeyRing, KeySource, PublicKey, write_keys};

use trailql_store::Stores;

use crate::error::CliError;

/// Keys that CloudTrail has given out, for the next run.
const SAVED_KEYS: &str = "cloudtrail-public-keys.json";

/// The keys of `files` and those that were saved; unless offline, CloudTrail is asked for others. No key and nobody to ask is an error.
pub(crate) fn ring(files: &[PathBuf], offline: bool, stores: &Stores) -> Result<Arc<KeyRing>, CliError> {
    let api = || Arc::new(Api { stores: stores.clone(), config: OnceCell::new() }) as Arc<dyn KeySource>;
    let api = (!offline).then(api);
    let ring = KeyRing::new(api);
    if let Some(saved) = saved_keys().filter(|saved| saved.exists()) {
        ring.add_file(&saved)?;
    }
    for file in files {
        ring.add_file(file)?;
    }
    if ring.is_hopeless() {
        return Err(CliError::usage("there are no public keys to check signatures with")
            .hint("give --public-keys FILE, or leave --offline out"));
    }
    Ok(Arc::new(ring))
}

/// Saves what CloudTrail said. Keys of files are not: whoever gives them vouches for them each time.
pub(crate) fn save(ring: &KeyRing) {
    let fetched = ring.fetched_keys();
    let Some(file) = saved_keys().filter(|_| !fetched.is_empty()) else { return };
    let merged = KeyRing::new(None);
    if file.exists()
        && let Err(error) = merged.add_file(&file)
    {
        tracing::warn!(%error, "saved keys are written anew");
    }
    merged.add(fetched);
    let write = || {
        std::fs::create_dir_all(file.parent().unwrap_or(&file))?;
        let temporary = file.with_added_extension("new");
        std::fs::write(&temporary, write_keys(&merged.keys()))?;
        std::fs::rename(&temporary, &file)
    };
    if let Err(error) = write() {
        tracing::warn!(%error, file = %file.display(), "the public keys could not be saved");
    }
}

/// Where trailql keeps what it should not lose; `None` where nobody is at home.
pub(crate) fn data_folder() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))?;
    Some(data.join("trailql"))
}

fn saved_keys() -> Option<PathBuf> {
    data_folder().map(|folder| folder.join(SAVED_KEYS))
}

/// `ListPublicKeys` of CloudTrail, with the credentials and endpoints that the AWS CLI would use.
#[derive(Debug)]
struct Api {
    stores: Stores,
    config: OnceCell<SdkConfig>,
}

#[async_trait::async_trait]
impl KeySource for Api {
    async fn list(
        &self,
        region: &str,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> Result<Vec<PublicKey>, Box<dyn Error + Send + Sync>> {
        let config = self.config.get_or_init(|| self.stores.sdk_config()).await;
        let settings = aws_sdk_cloudtrail::config::Builder::from(config).region(Region::new(region.to_owned()));
        let request = Client::from_conf(settings.build()).list_public_keys();
        let request =
            request.start_time(SdkTime::from_secs(start.timestamp())).end_time(SdkTime::from_secs(end.timestamp()));
        let mut pages = request.into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| DisplayErrorContext(&error).to_string())?;
            keys.extend(page.public_key_list.unwrap_or_default().into_iter().filter_map(public_key));
        }
        Ok(keys)
    }
}

fn public_key(key: aws_sdk_cloudtrail::types::PublicKey) -> Option<PublicKey> {
    let time = |time: Option<SdkTime>| time.and_then(|time| DateTime::from_timestamp(time.secs(), 0));
    Some(PublicKey {
        fingerprint: key.fingerprint?,
        value: key.value?.into_inner(),
        valid_from: time(key.validity_start_time),
        valid_until: time(key.validity_end_time),
    })
}
