//! Where settings of S3 come from: options, and the environment for what has no option.

use std::path::PathBuf;

use clap::Args;
use trailql_store::{CacheSettings, Encryption, S3Settings, Stores};

use crate::error::CliError;

/// Allows plain HTTP to other machines: `1` or `true`.
const ALLOW_HTTP: &str = "TRAILQL_S3_ALLOW_HTTP";

/// Bytes of the cache unless told otherwise.
const DEFAULT_CACHE_BYTES: u64 = 10 << 30;

/// Attempts of one request, as for the AWS SDKs.
const MAX_ATTEMPTS: &str = "AWS_MAX_ATTEMPTS";

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
    #[arg(long, global = true, value_name = "KEY", requires = "s3_sse")]
    s3_sse_kms_key_id: Option<String>,
    /// Keep what is read of a lake in a bucket in this folder, which may be deleted at any time
    #[arg(long, global = true, env = "TRAILQL_CACHE", value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Bytes that the folder may take
    #[arg(long, global = true, env = "TRAILQL_CACHE_BYTES", value_name = "BYTES", default_value_t = DEFAULT_CACHE_BYTES)]
    cache_bytes: u64,
}

/// The stores of this run.
pub(crate) fn stores(args: &S3Args) -> Result<Stores, CliError> {
    Ok(Stores::new(S3Settings {
        requester_pays: args.requester_pays,
        encryption: encryption(args)?,
        allow_http: variable(ALLOW_HTTP).is_some_and(|value| matches!(value.as_str(), "1" | "true")),
        cache: args.cache.clone().map(|folder| CacheSettings { folder, max_bytes: args.cache_bytes }),
        max_attempts: max_attempts()?,
        ..S3Settings::default()
    }))
}

fn encryption(args: &S3Args) -> Result<Option<Encryption>, CliError> {
    match (args.s3_sse.as_deref(), &args.s3_sse_kms_key_id) {
        (Some("aws:kms"), key_id) => Ok(Some(Encryption::Kms { key_id: key_id.clone() })),
        (_, Some(_)) => Err(CliError::usage("--s3-sse-kms-key-id goes with --s3-sse aws:kms")),
        (Some(_), None) => Ok(Some(Encryption::S3)),
        (None, None) => Ok(None),
    }
}

fn max_attempts() -> Result<Option<u32>, CliError> {
    let Some(value) = variable(MAX_ATTEMPTS) else { return Ok(None) };
    match value.parse() {
        Ok(attempts @ 1..) => Ok(Some(attempts)),
        _ => Err(CliError::usage(format!("{MAX_ATTEMPTS}={value}: give a number from 1 on"))),
    }
}

/// A variable that is set, and not to nothing.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
