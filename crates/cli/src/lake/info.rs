//! `trailql lake info`: what a lake holds, from its Delta log alone.

use std::collections::BTreeMap;
use std::io::{self, Write};

use chrono::{DateTime, NaiveDate, Utc};
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;
use serde_json::Value;
use trailql_lake::{CommitSummary, Lake, LakeError, Snapshot};

use super::text_table::TextTable;
use super::total::{Total, day_table};
use super::{instant, location, print_json};
use crate::error::{CliError, Outcome};
use crate::globals::Globals;

/// Events, files, bytes, time range, regions, days and last commits
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  trailql lake info
  trailql --lake s3://bucket/lake lake info --json")]
pub(crate) struct InfoArgs {
    /// Number of commits to show, newest first
    #[arg(long, value_name = "N", default_value_t = 10)]
    commits: usize,
}

/// What `trailql lake info` knows; its JSON form is what `--json` prints.
#[derive(Debug, Serialize)]
struct LakeInfo {
    location: String,
    version: u64,
    log_files: u64,
    #[serde(flatten)]
    total: Total,
    first_event: Option<DateTime<Utc>>,
    last_event: Option<DateTime<Utc>>,
    partitions: Vec<Partition>,
    commits: Vec<CommitSummary>,
}

/// One region on one day; no day holds the events without a readable time.
#[derive(Debug, Serialize)]
struct Partition {
    region: Option<String>,
    date: Option<NaiveDate>,
    #[serde(flatten)]
    total: Total,
}

/// Runs the command.
pub(crate) async fn run(args: InfoArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let lake = Lake::open(&globals.stores, &globals.lake).await?;
    let info = LakeInfo::read(&lake, args.commits).await?;
    if globals.json {
        print_json(&info)?;
    } else {
        info.write_text(&mut io::stdout().lock())?;
    }
    Ok(Outcome::Done)
}

impl LakeInfo {
    async fn read(lake: &Lake, commits: usize) -> Result<Self, LakeError> {
        let snapshot = lake.snapshot();
        Ok(Self {
            location: location(lake),
            version: snapshot.version,
            log_files: lake.ledger().object_count(),
            total: snapshot.files.iter().collect(),
            first_event: bound(&snapshot, "minValues").min(),
            last_event: bound(&snapshot, "maxValues").max(),
            partitions: partitions(&snapshot),
            commits: lake.history(commits).await?,
        })
    }

    fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "lake       {} (version {})", self.location, self.version)?;
        writeln!(out, "events     {}", HumanCount(self.total.events))?;
        writeln!(out, "files      {}, {}", HumanCount(self.total.files), HumanBytes(self.total.bytes))?;
        writeln!(out, "log files  {}", HumanCount(self.log_files))?;
        if let (Some(first), Some(last)) = (self.first_event, self.last_event) {
            writeln!(out, "time       {} to {}", instant(first), instant(last))?;
        }
        let total_of = |wanted: &dyn Fn(&Partition) -> bool| -> Total {
            self.partitions.iter().filter(|partition| wanted(partition)).map(|partition| partition.total).sum()
        };
        let timeless = total_of(&|partition| partition.date.is_none());
        if timeless.events > 0 {
            writeln!(out, "no time    {} events", HumanCount(timeless.events))?;
        }
        self.regions().write(out)?;
        self.days().write(out)?;
        self.commit_table().write(out)
    }

    fn regions(&self) -> TextTable {
        let mut regions: BTreeMap<&str, (Total, Vec<NaiveDate>)> = BTreeMap::new();
        for partition in &self.partitions {
            let (total, days) = regions.entry(partition.region.as_deref().unwrap_or_default()).or_default();
            *total = [*total, partition.total].into_iter().sum();
            days.extend(partition.date);
        }
        let mut table = TextTable::new(["region", "events", "files", "bytes", "first day", "last day"]);
        for (region, (total, days)) in regions {
            let day = |day: Option<&NaiveDate>| day.map(ToString::to_string).unwrap_or_default();
            let [events, files, bytes] = total.cells();
            table.push([region.to_owned(), events, files, bytes, day(days.iter().min()), day(days.iter().max())]);
        }
        table
    }

    fn days(&self) -> TextTable {
        day_table(self.partitions.iter().filter_map(|partition| Some((partition.date?, partition.total))))
    }

    fn commit_table(&self) -> TextTable {
        let mut table = TextTable::new(["commit", "operation", "kept", "duplicates", "filtered", "rejected", "time"]);
        for commit in &self.commits {
            let count = |name: &str| {
                commit
                    .metrics
                    .get(&format!("trailql.{name}"))
                    .and_then(Value::as_u64)
                    .map(|count| HumanCount(count).to_string())
                    .unwrap_or_default()
            };
            table.push([
                commit.version.map(|version| version.to_string()).unwrap_or_default(),
                commit.operation.clone().unwrap_or_default().to_lowercase(),
                count("kept"),
                count("duplicates"),
                count("filtered"),
                count("rejected"),
                commit.timestamp_millis.and_then(DateTime::from_timestamp_millis).map(instant).unwrap_or_default(),
            ]);
        }
        table
    }
}

/// The `eventtime` of every file's `minValues` or `maxValues`.
fn bound(snapshot: &Snapshot, side: &str) -> impl Iterator<Item = DateTime<Utc>> {
    let times: Vec<_> = snapshot
        .files
        .iter()
        .filter_map(|file| {
            let stats: Value = serde_json::from_str(file.stats.as_deref()?).ok()?;
            DateTime::parse_from_rfc3339(stats.get(side)?.get("eventtime")?.as_str()?).ok()
        })
        .map(|time| time.to_utc())
        .collect();
    times.into_iter()
}

fn partitions(snapshot: &Snapshot) -> Vec<Partition> {
    let mut totals: BTreeMap<(Option<String>, Option<NaiveDate>), Total> = BTreeMap::new();
    for file in &snapshot.files {
        let total = totals.entry((file.region.clone(), file.day())).or_default();
        *total = [*total, Total::from(file)].into_iter().sum();
    }
    totals.into_iter().map(|((region, date), total)| Partition { region, date, total }).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use trailql_lake::DataFile;

    use super::*;

    fn file(region: &str, date: Option<i32>, rows: u64, first: &str, last: &str) -> DataFile {
        DataFile {
            path: format!("region={region}/part.parquet").as_str().into(),
            size_bytes: 1000 * rows,
            modified_millis: 0,
            row_count: Some(rows),
            region: Some(region.to_owned()),
            date,
            stats: Some(format!(
                r#"{{"numRecords":{rows},"minValues":{{"eventtime":"{first}"}},"maxValues":{{"eventtime":"{last}"}}}}"#
            )),
        }
    }

    fn sample() -> LakeInfo {
        let first = "2024-03-01T00:00:00.000Z";
        let late = "2024-03-02T10:00:00.000Z";
        let mut undated = file("us-east-1", None, 3, first, late);
        undated.stats = None;
        let files = vec![
            file("us-east-1", Some(19783), 1000, first, "2024-03-01T23:00:00.000Z"),
            file("us-east-1", Some(19784), 500, "2024-03-02T01:00:00.000Z", late),
            file("eu-west-1", Some(19783), 20, first, first),
            undated,
        ];
        let snapshot = Snapshot { version: 4, files };
        LakeInfo {
            location: "/lake".to_owned(),
            version: 4,
            log_files: 7,
            total: snapshot.files.iter().collect(),
            first_event: bound(&snapshot, "minValues").min(),
            last_event: bound(&snapshot, "maxValues").max(),
            partitions: partitions(&snapshot),
            commits: vec![CommitSummary {
                version: Some(4),
                timestamp_millis: Some(1_709_377_200_000),
                operation: Some("WRITE".to_owned()),
                metrics: serde_json::from_str(r#"{"trailql.kept":1523,"trailql.rejected":2}"#).unwrap(),
            }],
        }
    }

    #[test]
    fn sums_up_regions_days_and_commits() {
        let mut out = Vec::new();
        sample().write_text(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "\
lake       /lake (version 4)
events     1,523
files      4, 1.45 MiB
log files  7
time       2024-03-01T00:00:00Z to 2024-03-02T10:00:00Z
no time    3 events

region     events  files      bytes   first day    last day
eu-west-1      20      1  19.53 KiB  2024-03-01  2024-03-01
us-east-1   1,503      3   1.43 MiB  2024-03-01  2024-03-02

day         events  files       bytes
2024-03-01   1,020      2  996.09 KiB
2024-03-02     500      1  488.28 KiB

commit  operation   kept  duplicates  filtered  rejected                  time
4           write  1,523                               2  2024-03-02T11:00:00Z
";
        assert_eq!(text, expected);
    }

    #[test]
    fn json_holds_every_partition() {
        let json = serde_json::to_value(sample()).unwrap();
        assert_eq!(json["events"], 1523);
        assert_eq!(json["partitions"].as_array().unwrap().len(), 4);
        assert_eq!(json["partitions"][0]["date"], "2024-03-01");
        assert_eq!(json["first_event"], "2024-03-01T00:00:00Z");
    }
}
