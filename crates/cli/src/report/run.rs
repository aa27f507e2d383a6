//! `trailql report run`: runs queries and writes what they return.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use chrono::Utc;
use trailql_export::{Compression, Existing, Folder, Output, Place};
use trailql_report::text::counted;
use trailql_report::{Baseline, Query, Report, Selection, Window, count_events, html};
use trailql_sql::{ExportOptions, Format, printable, write_result};

use crate::account::Account;
use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::notify::NotifyArgs;
use crate::output::{OutputArgs, Target};
use crate::report::events::Events;
use crate::report::make::{MakeArgs, MakeOptions, make};

/// Run queries and write a report
///
/// html and json hold the whole report: every query with its SQL, rows, hash and verdict, the lake's version and the time
/// range, so that it can be made again and compared. The other formats hold the rows alone, in any number.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  trailql report run cis --since 2024-03-01 --until 2024-04-01 --format html -o cis-march.html
  trailql report run principal_activity --param principal=alice
  trailql report run dashboards --since 1d --format parquet -o extracts/
  trailql report run ./audit --raw ./AWSLogs --format markdown

Exit codes: 0 every query ran, whatever it found; 1 a query failed, log files could not be read, or somebody could not
be told; 2 wrong usage.")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) make: MakeArgs,

    #[command(flatten)]
    output: OutputArgs,

    /// Rows of each query that html and json hold; all rows are counted and hashed
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) rows: usize,

    /// Findings that are known and accepted
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Say what would run, and run nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    notify: NotifyArgs,
}

/// Runs the command.
pub(crate) async fn run(args: &RunArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let selection = args.make.select()?;
    if args.dry_run {
        return dry_run(args, &selection);
    }
    let target = args.output.resolve()?;
    let teller = args.notify.prepare(globals).await?;
    teller.tell("report", write(args, globals, selection, &target).await, Outcome::DoneWithFailures).await
}

async fn write(
    args: &RunArgs,
    globals: &Globals,
    selection: Selection,
    target: &Target,
) -> Result<(Outcome, Account), CliError> {
    match target.options.format {
        format @ (Format::Html | Format::Json) => {
            if !target.options.partition_by.is_empty() {
                return Err(CliError::usage(format!("{format} holds a whole report, which has no partitions"))
                    .hint("take --format csv, jsonl or parquet"));
            }
            let report = make_document(args, globals, selection).await?;
            write_document(&report, target, globals).await?;
            Ok((outcome(&report, globals), Account::of_report(&report)))
        }
        _ => {
            let outcome = write_rows(args, globals, &selection.queries, target).await?;
            let subject = format!("{} written", counted(selection.queries.len() as u64, "query", "queries"));
            Ok((outcome, Account { subject, text: args.make.title(), ..Account::default() }))
        }
    }
}

/// Makes the whole report.
async fn make_document(args: &RunArgs, globals: &Globals, selection: Selection) -> Result<Report, CliError> {
    let baseline = match &args.baseline {
        Some(path) => Baseline::read(path, Utc::now().date_naive())?,
        None => Baseline::default(),
    };
    let options = MakeOptions { row_limit: args.rows, asserting: false, allow_empty: false };
    make(&args.make, globals, selection, &baseline, &options).await
}

/// Writes the report as `html` or `json`; a folder gets the file `report`.
async fn write_document(report: &Report, target: &Target, globals: &Globals) -> Result<(), CliError> {
    let content = match target.options.format {
        Format::Html => html::page(report).map_err(io::Error::from)?.into_bytes(),
        _ => {
            let mut content = serde_json::to_vec_pretty(report).map_err(io::Error::from)?;
            content.push(b'\n');
            content
        }
    };
    let Some(place) = target.folder() else {
        let mut out = target.open(&globals.stores).await?;
        out.write(&content).await?;
        out.finish().await?;
        return Ok(());
    };
    let mut folder = Folder::create(&globals.stores, place, Existing::Replace).await?.without_marker();
    let mut out = folder.begin(&target.options.file_name("report"), target.options.compression).await?;
    out.write(&content).await?;
    folder.add(out).await?;
    Ok(folder.publish().await?)
}

fn dry_run(args: &RunArgs, selection: &Selection) -> Result<Outcome, CliError> {
    let given = args.make.values(&selection.queries)?;
    let mut out = io::stdout().lock();
    let queries = counted(selection.queries.len() as u64, "query", "queries");
    writeln!(out, "would run {queries} over {}", args.make.window())?;
    for query in &selection.queries {
        write!(out, "  {}", query.path)?;
        for (name, value) in query.resolve(&given, Utc::now())? {
            write!(out, "  {name}={}", printable(&value))?;
        }
        writeln!(out)?;
    }
    Ok(Outcome::Done)
}

/// Tells on stderr what went wrong.
fn outcome(report: &Report, globals: &Globals) -> Outcome {
    let mut failures = report.warnings.clone();
    failures.extend((report.source.events == 0).then(|| no_events(&report.window)));
    for query in &report.queries {
        if let trailql_report::Verdict::Unchecked { reason } = &query.verdict {
            failures.push(format!("{}: {reason}", query.name));
        }
    }
    for failure in &failures {
        let lines: Vec<String> = failure.lines().map(|line| printable(line).into_owned()).collect();
        eprintln!("warning: {}", lines.join("\n         "));
    }
    if !globals.quiet {
        let rows: u64 = report.queries.iter().map(|query| query.row_count).sum();
        let queries = counted(report.queries.len() as u64, "query", "queries");
        let findings = counted(report.open_findings() as u64, "open finding", "open findings");
        eprintln!("{queries}, {}, {findings}", counted(rows, "row", "rows"));
    }
    if failures.is_empty() { Outcome::Done } else { Outcome::DoneWithFailures }
}

fn no_events(window: &Window) -> String {
    format!("there are no events in the time looked at ({window}); the report proves nothing")
}

/// Streams the rows of the queries, in bounded memory.
async fn write_rows(
    args: &RunArgs,
    globals: &Globals,
    queries: &[Query],
    target: &Target,
) -> Result<Outcome, CliError> {
    let format = target.options.format;
    let is_text = matches!(format, Format::Table | Format::Markdown | Format::Vertical);
    if queries.len() > 1 && !is_text && target.folder().is_none() {
        return Err(CliError::usage(format!("{} results do not fit into one {format} file", queries.len()))
            .hint("name a folder with -o DIR/, or take --format html, json or markdown"));
    }
    let given = args.make.values(queries)?;
    queries.iter().try_for_each(|query| query.resolve(&given, Utc::now()).map(drop))?;
    let events = Events::open(globals, &args.make.raw, &args.make.window()).await?;
    let writer = RowWriter { events: &events, given, target, globals };
    match target.folder() {
        None => writer.one_file(queries).await?,
        Some(folder) if target.options.partition_by.is_empty() => writer.file_each(queries, folder).await?,
        Some(folder) => writer.folder_each(queries, folder).await?,
    }
    let mut warnings = events.take_warnings();
    if count_events(&events.session).await? == 0 {
        warnings.push(no_events(&args.make.window()));
    }
    warnings.iter().for_each(|warning| eprintln!("warning: {}", printable(warning)));
    Ok(if warnings.is_empty() { Outcome::Done } else { Outcome::DoneWithFailures })
}

/// Writes the rows of queries.
struct RowWriter<'a> {
    events: &'a Events,
    given: BTreeMap<String, String>,
    target: &'a Target,
    globals: &'a Globals,
}

impl RowWriter<'_> {
    /// All results below each other.
    async fn one_file(&self, queries: &[Query]) -> Result<(), CliError> {
        let mut out = self.target.open(&self.globals.stores).await?;
        for query in queries {
            if queries.len() > 1 {
                let mark = if self.target.options.format == Format::Markdown { "## " } else { "" };
                let heading = format!("\n{mark}{}\n\n{}\n\n", query.header.title, query.header.description);
                out.write(heading.as_bytes()).await?;
            }
            self.write(query, &mut out).await?;
        }
        out.finish().await?;
        self.target.write_manifest(&self.globals.stores).await
    }

    /// A file for each query; they appear together.
    async fn file_each(&self, queries: &[Query], place: &Place) -> Result<(), CliError> {
        let options = &self.target.options;
        let mut folder = Folder::create(&self.globals.stores, place, Existing::Replace).await?.without_marker();
        for query in queries {
            let name = options.file_name(&query.header.name);
            let mut out = folder.begin(&name, options.compression).await?;
            self.write(query, &mut out).await?;
            folder.add(out).await?;
            if let Some((name, content)) = self.target.manifest(&name)? {
                let mut out = folder.begin(&name, Compression::None).await?;
                out.write(&content).await?;
                folder.add(out).await?;
            }
        }
        Ok(folder.publish().await?)
    }

    /// A folder of partitions for each query.
    async fn folder_each(&self, queries: &[Query], place: &Place) -> Result<(), CliError> {
        for query in queries {
            let failed = |error| CliError::from(error).within(&query.path);
            self.set_parameters(query)?;
            let place = place.join(&format!("{}/", query.header.name));
            let answer = self.events.session.export(&query.statement(), place, self.target.options.clone()).await;
            let mut answer = answer.map_err(failed)?;
            while answer.next().await.map_err(failed)?.is_some() {}
        }
        Ok(())
    }

    async fn write(&self, query: &Query, out: &mut Output) -> Result<(), CliError> {
        let failed = |error| CliError::from(error).within(&query.path);
        self.set_parameters(query)?;
        let mut answer = self.events.session.run(&query.statement()).await.map_err(failed)?;
        let ExportOptions { format, format_options, .. } = &self.target.options;
        write_result(&mut answer, *format, format_options, out).await.map_err(failed)?;
        Ok(())
    }

    fn set_parameters(&self, query: &Query) -> Result<(), CliError> {
        for (name, value) in query.resolve(&self.given, Utc::now())? {
            self.events.session.set_parameter(&name, &value);
        }
        Ok(())
    }
}
