//! `trailql lake expire`: days that are not to be kept.

use std::io::{self, Write};

use chrono::{NaiveDate, TimeDelta, Utc};
use indicatif::{HumanBytes, HumanCount};
use trailql_config::parse_span;
use trailql_lake::Lake;
use trailql_upkeep::{ExpireOptions, ExpireSummary, expire};

use super::print_json;
use super::total::{Total, day_table};
use crate::error::{CliError, Outcome};
use crate::globals::Globals;

/// Take old days out of the lake, and keep them out
///
/// Whole UTC days go, in one commit. Their events do not come back: later ingests leave out whatever is older, also when
/// it is delivered late or the same bucket is read again, and a longer retention later does not change that. The files
/// stay on disk, for time travel, until `trailql lake vacuum` deletes them.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
#[command(after_help = "Examples:
  trailql lake expire --older-than 365d --dry-run
  trailql lake expire --older-than 365d
  trailql lake expire --before 2024-01-01
  trailql lake expire --older-than 90d && trailql lake vacuum --older-than 0d    (gone for good)")]
pub(crate) struct ExpireArgs {
    /// Take out days that ended longer ago than this, such as 365d or 52w
    #[arg(long, value_name = "SPAN", value_parser = parse_span, group = "what")]
    older_than: Option<TimeDelta>,
    /// Take out days before this one, such as 2024-01-01
    #[arg(long, value_name = "DATE", group = "what")]
    before: Option<NaiveDate>,
    /// Take out events without a readable time as well
    #[arg(long)]
    undated: bool,
    /// Say what would go, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub(super) async fn run(args: ExpireArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let oldest = args.older_than.and_then(|span| Utc::now().checked_sub_signed(span)).map(|time| time.date_naive());
    let floor = args.before.or(oldest).ok_or_else(|| CliError::usage("--older-than reaches back before all time"))?;
    let options = ExpireOptions { floor, undated: args.undated, dry_run: args.dry_run };
    let summary = expire(&mut Lake::open(&globals.stores, &globals.lake).await?, &options).await?;
    if globals.json {
        print_json(&summary)?;
    } else {
        write_days(&summary, &mut io::stdout().lock())?;
    }
    if !globals.quiet {
        report(&summary, &mut io::stderr().lock())?;
    }
    Ok(Outcome::Done)
}

/// The days that go.
fn write_days(summary: &ExpireSummary, out: &mut impl Write) -> io::Result<()> {
    let total = |files, events, bytes| Total { events, files, bytes };
    let dated = summary.days.iter().filter_map(|day| Some((day.day?, total(day.files, day.events, day.bytes))));
    if summary.days.iter().any(|day| day.day.is_some()) {
        day_table(dated).write(out)?;
    }
    for day in summary.days.iter().filter(|day| day.day.is_none()) {
        let [events, files, bytes] = total(day.files, day.events, day.bytes).cells();
        writeln!(out, "\nwithout a readable time: {events} events, {files} files, {bytes}")?;
    }
    Ok(())
}

fn report(summary: &ExpireSummary, out: &mut impl Write) -> io::Result<()> {
    let ExpireSummary { events, files, bytes, floor, days, .. } = summary;
    let what = format!(
        "{} events of {} days, {} files, {}",
        HumanCount(*events),
        HumanCount(days.len() as u64),
        HumanCount(*files),
        HumanBytes(*bytes)
    );
    if summary.dry_run {
        return writeln!(out, "would expire {what}, all before {floor}; nothing was changed (dry run)");
    }
    writeln!(out, "expired {what}; the lake keeps {floor} and later")?;
    if *files > 0 {
        writeln!(
            out,
            "the space is freed by `trailql lake vacuum`, once no version within its retention needs the files"
        )?;
    }
    Ok(())
}
