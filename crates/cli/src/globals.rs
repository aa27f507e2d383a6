//! The global options as meant: command line, environment and `trailql.toml` together.

use std::path::PathBuf;

use trailql_config::Config;
use trailql_store::Stores;

use crate::args::GlobalArgs;
use crate::error::CliError;
use crate::stores::stores;

/// What every command may need to know.
#[derive(Debug)]
pub(crate) struct Globals {
    /// Folder or URL of the lake.
    pub(crate) lake: String,
    /// Say nothing but results and errors.
    pub(crate) quiet: bool,
    /// How much more to say.
    pub(crate) verbose: u8,
    /// Print the account of a run as JSON.
    pub(crate) json: bool,
    /// The buckets that lake and sources may be in.
    pub(crate) stores: Stores,
    /// Every setting in force.
    pub(crate) config: Config,
    /// Where a run of the scheduler leaves its account.
    pub(crate) scheduled: Option<PathBuf>,
}

impl GlobalArgs {
    /// Reads the configuration and puts the options over it.
    pub(crate) fn resolve(self) -> Result<Globals, CliError> {
        let folder = std::env::current_dir()?;
        let mut config = Config::load(self.config.as_deref(), &folder)?;
        if let Some(lake) = &self.lake {
            config.set_flag("lake", "--lake", lake)?;
        }
        self.s3.apply(&mut config)?;
        let lake = config.lake_url()?.to_owned();
        let stores = stores(&config)?;
        let Self { quiet, verbose, json, scheduled, .. } = self;
        Ok(Globals { lake, stores, quiet, verbose, json, config, scheduled })
    }
}
