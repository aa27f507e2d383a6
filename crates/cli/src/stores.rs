//! The options for S3, and the stores that they and the other settings come to.

use clap::Args;
use trailql_config::Config;
use trailql_store::{CacheSettings, Encryption, S3Settings, Stores};

use crate::error::CliError;

/// Options for buckets; credentials, region and endpoint come from the usual AWS places.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options for S3")]
pub(crate) struct S3Args {
    /// Pay for requests to buckets whose owners want that
    #[arg(long, global = true)]
    requester_pays: bool,
    /// Encryption of what is written: AES256 (SSE-S3) or aws:kms [default: the bucket's]
    #[arg(long, global = true, value_name = "KIND", value_parser = ["AES256", "aws:kms"])]
    s3_sse: Option<String>,
    /// Key of aws:kms, by ID, ARN or alias
    #[arg(long, global = true, value_name = "KEY")]
    s3_sse_kms_key_id: Option<String>,
    /// Keep what is read of a lake in a bucket in this folder, which may be deleted at any time
    #[arg(long, global = true, value_name = "DIR")]
    cache: Option<String>,
    /// Size that the folder may have [default: 10GiB]
    #[arg(long, global = true, value_name = "SIZE")]
    cache_bytes: Option<String>,
}

impl S3Args {
    /// Puts the options over the settings.
    pub(crate) fn apply(&self, config: &mut Config) -> Result<(), CliError> {
        if self.requester_pays {
            config.set_flag("s3.requester_pays", "--requester-pays", "true")?;
        }
        if let Some(kind) = &self.s3_sse {
            config.set_flag("s3.sse", "--s3-sse", kind)?;
        }
        if let Some(key) = &self.s3_sse_kms_key_id {
            config.set_flag("s3.sse_kms_key_id", "--s3-sse-kms-key-id", key)?;
        }
        if let Some(folder) = &self.cache {
            config.set_flag("s3.cache", "--cache", folder)?;
        }
        if let Some(size) = &self.cache_bytes {
            config.set_flag("s3.cache_bytes", "--cache-bytes", size)?;
        }
        Ok(())
    }
}

/// The stores of this run.
pub(crate) fn stores(config: &Config) -> Result<Stores, CliError> {
    let text = |key: &str| config.text(key).map(str::to_owned);
    Ok(Stores::new(S3Settings {
        endpoint: text("s3.endpoint"),
        region: text("s3.region"),
        profile: text("s3.profile"),
        allow_http: config.is_true("s3.allow_http"),
        requester_pays: config.is_true("s3.requester_pays"),
        encryption: encryption(config)?,
        max_attempts: max_attempts(config)?,
        cache: cache(config),
    }))
}

fn cache(config: &Config) -> Option<CacheSettings> {
    let folder = config.text("s3.cache")?.into();
    Some(CacheSettings { folder, max_bytes: config.bytes("s3.cache_bytes")? })
}

fn encryption(config: &Config) -> Result<Option<Encryption>, CliError> {
    let key_id = config.text("s3.sse_kms_key_id").map(str::to_owned);
    match (config.text("s3.sse"), key_id) {
        (Some("aws:kms"), key_id) => Ok(Some(Encryption::Kms { key_id })),
        (_, Some(_)) => Err(CliError::usage("a KMS key goes with the encryption aws:kms")
            .hint("give --s3-sse aws:kms, or set s3.sse in trailql.toml")),
        (Some("AES256"), None) => Ok(Some(Encryption::S3)),
        (Some(other), None) => Err(CliError::usage(format!("s3.sse must be AES256 or aws:kms, and not {other}"))),
        (None, None) => Ok(None),
    }
}

fn max_attempts(config: &Config) -> Result<Option<u32>, CliError> {
    let Some(text) = config.text("s3.max_attempts") else { return Ok(None) };
    match text.parse() {
        Ok(attempts @ 1..) => Ok(Some(attempts)),
        _ => Err(CliError::usage(format!("s3.max_attempts must be a number from 1 on, and not {text}"))),
    }
}
