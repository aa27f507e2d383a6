//! From what the user asked for to a report.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use trailql_config::parse_time;
use trailql_report::{Baseline, Library, Query, Report, Runner, RunnerOptions, Selection, Window};

use crate::error::CliError;
use crate::globals::Globals;
use crate::report::events::Events;
use crate::sql::parse_param;

/// Which queries, over which events.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct MakeArgs {
    /// Names of queries, folders or packs of the library, .sql files or folders; the whole library by default
    #[arg(value_name = "NAME|FOLDER|FILE")]
    pub(crate) targets: Vec<String>,

    /// Take only queries with this tag, or one that it begins (cis, mitre:T1098); repeatable
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Vec<String>,

    /// Value for a parameter of the queries; repeatable
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_param)]
    pub(crate) params: Vec<(String, String)>,

    /// Look only at events at or after this time (RFC 3339, a day, or 7d, 24h)
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) since: Option<DateTime<Utc>>,

    /// Look only at events before this time
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) until: Option<DateTime<Utc>>,

    /// Log file, folder or glob to read in place of the lake; repeatable
    #[arg(long, value_name = "SOURCE")]
    pub(crate) raw: Vec<String>,

    /// Folder with another library than the bundled one
    #[arg(long, value_name = "DIR", env = "TRAILQL_LIBRARY")]
    pub(crate) library: Option<PathBuf>,
}

/// How a report is made.
pub(crate) struct MakeOptions {
    pub(crate) row_limit: usize,
    pub(crate) asserting: bool,
    pub(crate) allow_empty: bool,
}

impl MakeArgs {
    /// The queries that were asked for.
    pub(crate) fn select(&self) -> Result<Selection, CliError> {
        Ok(open_library(self.library.as_deref())?.select(&self.targets, &self.tag)?)
    }

    /// The values given, each of which some query must know.
    pub(crate) fn values(&self, queries: &[Query]) -> Result<BTreeMap<String, String>, CliError> {
        let values: BTreeMap<_, _> =
            self.params.iter().map(|(name, value)| (name.trim_start_matches('$').to_owned(), value.clone())).collect();
        let is_known =
            |name: &String| queries.iter().any(|q| !q.has_header || q.header.params.iter().any(|p| p.name == *name));
        match values.keys().find(|name| !is_known(name)) {
            Some(name) => Err(CliError::usage(format!("none of the queries has a parameter '{name}'"))),
            None => Ok(values),
        }
    }

    /// The span of time to look at.
    pub(crate) fn window(&self) -> Window {
        Window { since: self.since, until: self.until }
    }

    /// What was asked for, in a few words.
    pub(crate) fn title(&self) -> String {
        let mut words = if self.targets.is_empty() { vec!["library".to_owned()] } else { self.targets.clone() };
        words.extend(self.tag.iter().map(|tag| format!("tag {tag}")));
        words.join(", ")
    }
}

/// The bundled library, or the one in a folder.
pub(crate) fn open_library(folder: Option<&std::path::Path>) -> Result<Library, CliError> {
    Ok(match folder {
        Some(folder) => Library::of_folder(folder)?,
        None => Library::bundled()?,
    })
}

/// Runs the queries and puts the report together.
pub(crate) async fn make(
    args: &MakeArgs,
    globals: &Globals,
    selection: Selection,
    baseline: &Baseline,
    options: &MakeOptions,
) -> Result<Report, CliError> {
    let now = Utc::now();
    let given = args.values(&selection.queries)?;
    // Wrong parameters are told before anything is opened.
    selection.queries.iter().try_for_each(|query| query.resolve(&given, now).map(drop))?;
    let events = Events::open(globals, &args.raw, &args.window()).await?;
    let MakeOptions { row_limit, asserting, allow_empty } = *options;
    // A misspelt table is a broken assertion, and not one that held.
    events.session.set_strict(asserting);
    let runner_options = RunnerOptions { row_limit, now, asserting, allow_empty };
    let runner = Runner::try_new(&events.session, baseline, runner_options).await?;
    let mut queries = Vec::new();
    for query in &selection.queries {
        queries.push(runner.run(query, &given).await?);
    }
    Ok(Report {
        format: Report::FORMAT,
        trailql: env!("CARGO_PKG_VERSION").to_owned(),
        title: args.title(),
        made_at: now,
        source: events.source(runner.events()),
        window: args.window(),
        packs: selection.packs,
        queries,
        warnings: events.take_warnings(),
    })
}
