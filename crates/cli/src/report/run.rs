//! `trailql report run`: runs queries and writes what they return.

use std::io::{self, Write};
use std::path::PathBuf;

use chrono::Utc;
use trailql_report::{Baseline, Query, Report, Selection, html};
use trailql_sql::{Format, FormatOptions, printable};
use url::Url;

use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::report::events::Events;
use crate::report::make::{MakeArgs, MakeOptions, make};
use crate::report::output::{Compress, Destination, Output, file_name};
use crate::report::quicksight::{manifest, parse_prefix};
use crate::sql::{MAX_CELL_WIDTH, parse_format, refuse_binary};

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

Exit codes: 0 every query ran; 1 a query failed, or log files could not be read; 2 wrong usage.")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) make: MakeArgs,

    /// Output format: table, csv, json, markdown, html, parquet, … [default: table on a terminal, else csv]
    #[arg(long, value_name = "FORMAT", value_parser = parse_format)]
    pub(crate) format: Option<Format>,

    /// File for the report, or a folder (ending with /) for a file per query
    #[arg(short, long, value_name = "FILE|DIR/")]
    pub(crate) output: Option<PathBuf>,

    /// Compress the files
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) compress: Compress,

    /// Write a manifest for QuickSight beside each file of a folder, for copies of them at this place in S3
    #[arg(long, value_name = "S3_URL", value_parser = parse_prefix)]
    pub(crate) quicksight_manifest: Option<Url>,

    /// Rows of each query that html and json hold; all rows are counted and hashed
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) rows: usize,

    /// Findings that are known and accepted
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Say what would run, and run nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Runs the command.
pub(crate) async fn run(args: &RunArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let selection = args.make.select()?;
    if args.dry_run {
        return dry_run(args, &selection);
    }
    let destination = Destination::parse(args.output.as_deref())?;
    let default = if destination.is_terminal() { Format::Table } else { Format::Csv };
    match args.format.unwrap_or(default) {
        format @ (Format::Html | Format::Json) => {
            let report = make_document(args, globals, selection).await?;
            write_document(&report, format, destination.open(format, args.compress)?)?;
            outcome(&report, globals)
        }
        format => write_rows(args, globals, &selection.queries, format, &destination).await,
    }
}

/// Makes the whole report.
pub(crate) async fn make_document(args: &RunArgs, globals: &Globals, selection: Selection) -> Result<Report, CliError> {
    let baseline = match &args.baseline {
        Some(path) => Baseline::read(path, Utc::now().date_naive())?,
        None => Baseline::default(),
    };
    let options = MakeOptions { row_limit: args.rows, asserting: false, allow_empty: false };
    make(&args.make, globals, selection, &baseline, &options).await
}

/// Writes the report as `html` or `json`.
pub(crate) fn write_document(report: &Report, format: Format, mut out: Output) -> Result<(), CliError> {
    match format {
        Format::Html => out.write_all(html::page(report).map_err(io::Error::from)?.as_bytes())?,
        _ => {
            serde_json::to_writer_pretty(&mut out, report).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    out.finish()
}

fn dry_run(args: &RunArgs, selection: &Selection) -> Result<Outcome, CliError> {
    let given = args.make.values(&selection.queries)?;
    let mut out = io::stdout().lock();
    writeln!(out, "would run {} queries over {}", selection.queries.len(), args.make.window())?;
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
fn outcome(report: &Report, globals: &Globals) -> Result<Outcome, CliError> {
    let mut failures = report.warnings.clone();
    for query in &report.queries {
        if let trailql_report::Verdict::Unchecked { reason } = &query.verdict {
            failures.push(format!("{}: {reason}", query.name));
        }
    }
    failures.iter().for_each(|failure| eprintln!("warning: {}", printable(failure)));
    if !globals.quiet {
        let rows: u64 = report.queries.iter().map(|query| query.row_count).sum();
        eprintln!("{} queries, {rows} rows, {} open findings", report.queries.len(), report.open_findings());
    }
    Ok(if failures.is_empty() { Outcome::Done } else { Outcome::DoneWithFailures })
}

/// Streams the rows of the queries, in bounded memory.
async fn write_rows(
    args: &RunArgs,
    globals: &Globals,
    queries: &[Query],
    format: Format,
    destination: &Destination,
) -> Result<Outcome, CliError> {
    let is_text = matches!(format, Format::Table | Format::Markdown | Format::Vertical);
    if destination.is_terminal() {
        refuse_binary(format)?;
    }
    if queries.len() > 1 && !is_text && !matches!(destination, Destination::Folder(_)) {
        return Err(CliError::usage(format!("{} results do not fit into one {format} file", queries.len()))
            .hint("name a folder with -o DIR/, or take --format html, json or markdown"));
    }
    let given = args.make.values(queries)?;
    let now = Utc::now();
    queries.iter().try_for_each(|query| query.resolve(&given, now).map(drop))?;
    let events = Events::open(globals, &args.make.raw, &args.make.window()).await?;
    let mut shared = match destination {
        Destination::Folder(_) => None,
        single => Some(single.open(format, args.compress)?),
    };
    let max_cell_width = destination.is_terminal().then_some(MAX_CELL_WIDTH);
    let options = FormatOptions { max_cell_width, ..FormatOptions::default() };
    for query in queries {
        for (name, value) in query.resolve(&given, now)? {
            events.session.set_parameter(&name, &value);
        }
        match (&mut shared, destination) {
            (None, Destination::Folder(folder)) => {
                let name = file_name(&query.header.name, format, args.compress);
                let mut out = Destination::open_in(folder, &name, args.compress)?;
                write_query(query, &events, format, &options, &mut out).await?;
                out.finish()?;
                if let Some(prefix) = &args.quicksight_manifest {
                    let name_of_manifest = format!("{}.manifest.json", query.header.name);
                    let mut out = Destination::open_in(folder, &name_of_manifest, Compress::None)?;
                    serde_json::to_writer_pretty(&mut out, &manifest(prefix, &name, format)?)
                        .map_err(io::Error::from)?;
                    out.finish()?;
                }
            }
            (Some(out), _) => {
                if queries.len() > 1 {
                    write_heading(query, format, out)?;
                }
                write_query(query, &events, format, &options, out).await?;
            }
            (None, _) => {}
        }
    }
    shared.map_or(Ok(()), Output::finish)?;
    let warnings = events.take_warnings();
    warnings.iter().for_each(|warning| eprintln!("warning: {}", printable(warning)));
    Ok(if warnings.is_empty() { Outcome::Done } else { Outcome::DoneWithFailures })
}

fn write_heading(query: &Query, format: Format, out: &mut Output) -> io::Result<()> {
    let mark = if format == Format::Markdown { "## " } else { "" };
    writeln!(out, "\n{mark}{}\n\n{}\n", query.header.title, query.header.description)
}

async fn write_query(
    query: &Query,
    events: &Events,
    format: Format,
    options: &FormatOptions,
    out: &mut Output,
) -> Result<(), CliError> {
    let failed = |error| CliError::failure(format!("{}: {error}", query.path));
    let mut answer = events.session.run(&query.statement()).await.map_err(failed)?;
    let mut writer = format.writer(Box::new(out), answer.schema(), options)?;
    while let Some(batch) = answer.next().await.map_err(failed)? {
        writer.write(&batch)?;
    }
    Ok(writer.finish()?)
}
