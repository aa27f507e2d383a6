//! `--from lookup-events`: the event history, fetched into a folder of log files.

use chrono::{TimeDelta, Utc};
use indicatif::{HumanCount, ProgressBar};
use trailql_lookup::{FetchOptions, MAX_AGE_DAYS, fetch};

use crate::bar::target;
use crate::error::CliError;
use crate::globals::Globals;
use crate::ingest::IngestArgs;

/// Fetches what the folder lacks, and returns the folder.
pub(super) async fn fetch_history(args: &IngestArgs, globals: &Globals) -> Result<String, CliError> {
    if !args.sources.is_empty() || args.follow {
        return Err(CliError::usage("--from lookup-events takes neither a SOURCE nor --follow"));
    }
    let config = globals.stores.sdk_config().await;
    let mut regions = args.region.clone();
    regions.extend(config.region().filter(|_| args.region.is_empty()).map(ToString::to_string));
    if regions.is_empty() {
        return Err(CliError::usage("no region is asked for").hint("give --region, once for each, or set AWS_REGION"));
    }
    let now = Utc::now();
    let options = FetchOptions {
        regions,
        since: args.since.unwrap_or(now - TimeDelta::days(MAX_AGE_DAYS)),
        until: args.until.unwrap_or(now),
        folder: args.spool.clone(),
    };
    let bar = ProgressBar::with_draw_target(None, target(globals));
    let fetched = fetch(&config, &options, &|region, done| {
        bar.set_message(format!(
            "{region}: {} requests, {} events",
            HumanCount(done.requests),
            HumanCount(done.events)
        ));
        bar.tick();
    })
    .await;
    bar.finish_and_clear();
    let fetched = fetched.map_err(|error| {
        CliError::failure(error).hint("run the same command again to go on; what was fetched stays in the folder")
    })?;
    if !globals.quiet {
        let (events, folder) = (HumanCount(fetched.events), options.folder.display());
        eprintln!("fetched {events} events in {} requests into {folder}", HumanCount(fetched.requests));
    }
    Ok(options.folder.to_string_lossy().into_owned())
}
