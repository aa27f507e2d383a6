//! The options of `--verify`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use trailql_ingest::Verify;
use trailql_store::Stores;

use crate::error::CliError;
use crate::public_keys;

/// Which log files are taken, and what they are proved by.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Take only log files that CloudTrail's digests prove; the others are counted, and left for a later run
    #[arg(long)]
    pub(super) verify: bool,
    /// With --verify: output of `aws cloudtrail list-public-keys`; may be repeated [default: CloudTrail is asked]
    #[arg(long, value_name = "FILE", requires = "verify")]
    public_keys: Vec<PathBuf>,
    /// With --verify: ask CloudTrail for no keys; those that an earlier run was given are enough
    #[arg(long, requires = "verify")]
    offline: bool,
    /// With --verify: bucket, and prefix in it, that the folders are a copy of [default: what their digests say]
    #[arg(long, value_name = "BUCKET[/PREFIX]", requires = "verify")]
    copy_of: Option<String>,
}

impl VerifyArgs {
    /// The keys at hand, if anything is to be verified.
    pub(super) fn resolve(&self, stores: &Stores) -> Result<Option<Arc<Verify>>, CliError> {
        if !self.verify {
            return Ok(None);
        }
        let keys = public_keys::ring(&self.public_keys, self.offline, stores)?;
        Ok(Some(Arc::new(Verify { keys, copy_of: self.copy_of.clone() })))
    }
}
