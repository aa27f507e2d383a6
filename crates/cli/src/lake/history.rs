//! `trailql lake history`: what was committed when.

use std::io::{self, Write};

use chrono::DateTime;
use indicatif::{HumanBytes, HumanCount};
use trailql_lake::{CommitSummary, Lake};

use super::{instant, print_json};
use crate::error::{CliError, Outcome};
use crate::globals::Globals;

/// Versions of the lake, newest first: when each was committed, by what, with its counts
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  trailql lake history
  trailql lake history --limit 1000 --json
  trailql sql --version 12 -c 'SELECT count(*) FROM cloudtrail_logs'

write is an ingest, delete an expiry. History goes back as far as the Delta log; `trailql lake vacuum` shortens it.")]
pub(crate) struct HistoryArgs {
    /// Number of versions to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

/// Runs the command.
pub(super) async fn run(args: HistoryArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let commits = Lake::open(&globals.stores, &globals.lake).await?.history(args.limit).await?;
    if globals.json {
        print_json(&commits)?;
    } else {
        write_text(&commits, &mut io::stdout().lock())?;
    }
    Ok(Outcome::Done)
}

fn write_text(commits: &[CommitSummary], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:>7}  {:<20}  {:<12}  counts", "version", "time", "operation")?;
    for commit in commits {
        let version = commit.version.map(|version| version.to_string()).unwrap_or_default();
        let time = commit.timestamp_millis.and_then(DateTime::from_timestamp_millis).map(instant).unwrap_or_default();
        let operation = commit.operation.clone().unwrap_or_default().to_lowercase();
        let line = format!("{version:>7}  {time:<20}  {operation:<12}  {}", counts(commit));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// The counts that are not zero, in words.
fn counts(commit: &CommitSummary) -> String {
    let count =
        |name: &str| commit.metrics.get(&format!("trailql.{name}")).and_then(|count| count.as_u64()).unwrap_or(0);
    let events = [("kept", "kept"), ("duplicates", "duplicates"), ("filtered", "filtered"), ("rejected", "rejected")];
    let mut parts: Vec<String> = events
        .into_iter()
        .chain([("logFiles", "log files"), ("expired", "expired")])
        .filter(|(name, _)| count(name) > 0)
        .map(|(name, words)| format!("{} {words}", HumanCount(count(name))))
        .collect();
    for (sign, files, bytes) in [('+', "filesAdded", "bytesAdded"), ('-', "filesRemoved", "bytesRemoved")] {
        if count(files) > 0 {
            parts.push(format!("{sign}{} files ({})", HumanCount(count(files)), HumanBytes(count(bytes))));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn shows_each_operation_with_its_own_counts() {
        let commit = |version, operation: &str, metrics: &str| CommitSummary {
            version: Some(version),
            timestamp_millis: Some(1_709_377_200_000),
            operation: Some(operation.to_owned()),
            metrics: serde_json::from_str(metrics).unwrap(),
        };
        let commits = [
            commit(3, "DELETE", r#"{"trailql.expired":5,"trailql.filesRemoved":1,"trailql.bytesRemoved":2048}"#),
            commit(2, "OPTIMIZE", r#"{"trailql.filesAdded":1,"trailql.bytesAdded":2048,"trailql.filesRemoved":12}"#),
            commit(1, "WRITE", r#"{"trailql.kept":1523,"trailql.rejected":2,"trailql.duplicates":0}"#),
            commit(0, "CREATE TABLE", "{}"),
        ];
        let mut out = Vec::new();
        write_text(&commits, &mut out).unwrap();
        let expected = "\
version  time                  operation     counts
      3  2024-03-02T11:00:00Z  delete        5 expired, -1 files (2.00 KiB)
      2  2024-03-02T11:00:00Z  optimize      +1 files (2.00 KiB), -12 files (0 B)
      1  2024-03-02T11:00:00Z  write         1,523 kept, 2 rejected
      0  2024-03-02T11:00:00Z  create table
";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
