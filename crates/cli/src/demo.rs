//! `trailql demo`: bundled real events, ingested into a lake and toured with a few questions.
//!
//! Needs no network, no account and no configuration. The lake is temporary unless the user keeps it.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indicatif::HumanCount;
use tempfile::TempDir;
use trailql_ingest::{IngestOptions, Progress, Summary, ingest};
use trailql_lake::Lake;
use trailql_sql::{Format, FormatOptions, Session, SessionOptions, Statement};
use trailql_store::Stores;

use crate::error::{CliError, Outcome};

/// Names and contents of the bundled log files; where they come from: `testdata/README.md`.
const EVENTS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/bundled_events.rs"));

/// Questions and queries.
const TOUR: &str = include_str!("../../../sql/demo.sql");

/// Widest cell of a result, so that the tour reads well.
const MAX_CELL_WIDTH: usize = 56;

/// Take a tour on bundled real events
///
/// Ingests them into a temporary lake and answers a few questions, each shown with its SQL. Needs no network.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Keep the lake in this folder, to go on with
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// A query of the tour with the question that it answers.
struct Stop {
    question: &'static str,
    sql: &'static str,
}

/// Runs the command.
pub(crate) async fn run(args: DemoArgs) -> Result<Outcome, CliError> {
    tour(&args, &mut io::stdout().lock()).await?;
    Ok(Outcome::Done)
}

/// Ingests the bundled events and prints the tour on `out`.
async fn tour(args: &DemoArgs, out: &mut impl Write) -> Result<(), CliError> {
    let folder = TempDir::with_prefix("trailql-demo-")?;
    let bucket = folder.path().join("bucket");
    unpack(&bucket)?;
    let lake = args.keep.clone().unwrap_or_else(|| folder.path().join("lake"));
    let location = lake.to_string_lossy();
    let sources = vec![bucket.to_string_lossy().into_owned()];
    let stores = Stores::default();
    let summary = ingest(&stores, &location, &IngestOptions::new(sources), Progress::new()).await?;
    let lake = Lake::open(&stores, &location).await?;
    write_account(&summary, &lake, out)?;
    let session = Session::try_new(&SessionOptions::default())?;
    session.set_lake(&lake).await?;
    for (number, stop) in (1..).zip(stops()) {
        writeln!(out, "\n{number}. {}\n\n{}\n", stop.question, indented(stop.sql))?;
        writeln!(out, "{}", indented(&answer(&session, stop.sql).await?))?;
    }
    write_outlook(args.keep.as_deref(), out)?;
    Ok(())
}

/// Writes the bundled log files below `bucket`.
fn unpack(bucket: &Path) -> io::Result<()> {
    for (name, content) in EVENTS {
        let path = bucket.join(name);
        fs::create_dir_all(path.parent().unwrap_or(bucket))?;
        fs::write(path, content)?;
    }
    Ok(())
}

fn write_account(summary: &Summary, lake: &Lake, out: &mut impl Write) -> io::Result<()> {
    let count = HumanCount;
    writeln!(out, "Real CloudTrail events from five public sources (see testdata/README.md), ingested into a lake:\n")?;
    writeln!(
        out,
        "  {} records in {} log files = {} kept + {} duplicates + {} filtered + {} rejected, in {:.1} s",
        count(summary.read),
        count(summary.files.read),
        count(summary.kept),
        count(summary.duplicates),
        count(summary.filtered),
        count(summary.rejected),
        summary.elapsed.as_secs_f64()
    )?;
    if summary.conflicts > 0 {
        writeln!(out, "  (rejected: an event ID that came with two contents; the second is kept aside)")?;
    }
    let snapshot = lake.snapshot();
    writeln!(
        out,
        "  {} events are now in {} Parquet files",
        count(snapshot.row_count()),
        count(snapshot.files.len() as u64)
    )
}

/// Runs one query and lays its result out as a table.
async fn answer(session: &Session, sql: &str) -> Result<String, CliError> {
    let mut answer = session.run(&Statement::new(sql)).await?;
    let mut text = Vec::new();
    let options = FormatOptions { max_cell_width: Some(MAX_CELL_WIDTH), ..FormatOptions::default() };
    let format = if answer.schema().fields().len() == 1 { Format::Vertical } else { Format::Table };
    let mut writer = format.writer(Box::new(&mut text), answer.schema(), &options)?;
    while let Some(batch) = answer.next().await? {
        writer.write(&batch)?;
    }
    writer.finish()?;
    drop(writer);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Says how to go on, in commands that work from here.
fn write_outlook(kept: Option<&Path>, out: &mut impl Write) -> io::Result<()> {
    let mut next = match kept {
        Some(lake) => vec![
            (format!("--lake {}", lake.display()), "the shell on this lake"),
            (format!("--lake {} lake info", lake.display()), "what it holds"),
        ],
        None => vec![("demo --keep DIR".to_owned(), "keep this lake, to ask it your own questions")],
    };
    next.extend(
        [
            ("ingest FOLDER", "your own log files into ./trailql-lake"),
            ("", "the shell on ./trailql-lake"),
            ("sql -c 'SELECT …' --format csv", "one query and its result"),
            ("sql --raw FOLDER -c 'SELECT …'", "log files in place, as the table cloudtrail_raw"),
            ("--help", ""),
        ]
        .map(|(command, what)| (command.to_owned(), what)),
    );
    let width = next.iter().map(|(command, _)| command.chars().count()).max().unwrap_or_default();
    let program = program();
    writeln!(out, "\nHow to go on\n")?;
    for (command, what) in next {
        writeln!(out, "{}", format!("  {program} {command:<width$}  {what}").trim_end())?;
    }
    Ok(())
}

/// This program as the user can call it: from the build folder, or by its name.
fn program() -> String {
    let relative = || {
        let here = std::env::current_dir().ok()?;
        Some(std::env::current_exe().ok()?.strip_prefix(here).ok()?.display().to_string())
    };
    relative().unwrap_or_else(|| "trailql".to_owned())
}

/// Cuts the tour into its stops.
fn stops() -> impl Iterator<Item = Stop> {
    TOUR.split("\n-- ask: ").skip(1).filter_map(|part| {
        let (question, sql) = part.split_once('\n')?;
        Some(Stop { question, sql: sql.trim() })
    })
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tour_has_five_to_eight_stops_with_one_statement_each() {
        let stops: Vec<_> = stops().collect();
        assert!((5..=8).contains(&stops.len()));
        for stop in stops {
            assert_eq!(stop.sql.matches(';').count(), 1, "{}", stop.question);
            assert!(stop.sql.ends_with(';'), "{}", stop.question);
        }
    }

    #[test]
    fn enough_events_are_bundled() {
        assert!(EVENTS.len() > 100, "{} files", EVENTS.len());
        let bytes: usize = EVENTS.iter().map(|(_, content)| content.len()).sum();
        assert!((300_000..1_500_000).contains(&bytes), "{bytes} bytes");
    }
}
