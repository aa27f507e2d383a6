//! Findings that somebody knows of and accepts, until a day and for a reason.
//!
//! ```toml
//! [[accept]]
//! query = "cis_4_03_root_use"
//! key = { eventid = "0b6e7a3c-…" }
//! expires = 2026-12-31
//! reason = "Yearly test of the root credentials, ticket 4711"
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::ReportError;

/// A list of accepted findings.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    entries: Vec<Entry>,
    today: NaiveDate,
}

/// Why a finding is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The reason given.
    pub reason: String,
    /// The last day on which it is accepted.
    pub expires: NaiveDate,
}

#[derive(Debug, Clone)]
struct Entry {
    query: String,
    key: BTreeMap<String, String>,
    acceptance: Acceptance,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    accept: Vec<RawEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    query: String,
    key: BTreeMap<String, String>,
    expires: toml::value::Datetime,
    reason: String,
}

impl Baseline {
    /// Reads the baseline at `path`; entries that expired before `today` accept nothing.
    pub fn read(path: &Path, today: NaiveDate) -> Result<Self, ReportError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, today).map_err(|message| ReportError::File { file: path.display().to_string(), message })
    }

    fn parse(text: &str, today: NaiveDate) -> Result<Self, String> {
        let file: RawFile = toml::from_str(text).map_err(|error| error.to_string())?;
        let entries = file.accept.into_iter().map(Entry::try_from).collect::<Result<_, _>>()?;
        Ok(Self { entries, today })
    }

    /// Why the finding of `query` with the values `row` is accepted; `None` if it is not.
    pub(crate) fn accepts(&self, query: &str, row: &Map<String, Value>) -> Option<Acceptance> {
        let matches = |entry: &&Entry| {
            entry.query == query
                && entry.acceptance.expires >= self.today
                && entry.key.iter().all(|(column, wanted)| row.get(column).is_some_and(|value| text(value) == *wanted))
        };
        self.entries.iter().find(matches).map(|entry| entry.acceptance.clone())
    }

    /// One line for each entry that has expired.
    pub fn expired(&self) -> Vec<String> {
        let expired = self.entries.iter().filter(|entry| entry.acceptance.expires < self.today);
        expired
            .map(|entry| {
                let Acceptance { reason, expires } = &entry.acceptance;
                format!("the baseline's entry for {} expired on {expires} ({reason})", entry.query)
            })
            .collect()
    }
}

impl TryFrom<RawEntry> for Entry {
    type Error = String;

    fn try_from(raw: RawEntry) -> Result<Self, Self::Error> {
        let failed = |message: &str| format!("the entry for {}: {message}", raw.query);
        if raw.key.is_empty() {
            return Err(failed("key needs a column at least, or it would accept every finding"));
        }
        if raw.reason.trim().is_empty() {
            return Err(failed("reason is empty; say why the finding is accepted"));
        }
        let expires = raw
            .expires
            .date
            .and_then(|date| NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day)));
        let expires = expires.ok_or_else(|| failed("expires is a day, such as 2026-12-31"))?;
        let acceptance = Acceptance { reason: raw.reason, expires };
        Ok(Self { query: raw.query, key: raw.key, acceptance })
    }
}

/// A value as the baseline spells it.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "[[accept]]\nquery = 'a'\nkey = { eventid = 'x', n = '1' }\nexpires = 2026-06-30\nreason = 'known'\n";

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    fn row(eventid: &str) -> Map<String, Value> {
        Map::from_iter([("eventid".to_owned(), eventid.into()), ("n".to_owned(), 1.into())])
    }

    #[test]
    fn accepts_by_key_until_it_expires() {
        let baseline = Baseline::parse(FILE, day("2026-06-30")).expect("a baseline");
        assert!(baseline.accepts("a", &row("x")).is_some_and(|acceptance| acceptance.reason == "known"));
        assert_eq!(baseline.accepts("a", &row("y")), None);
        assert_eq!(baseline.accepts("b", &row("x")), None);
        assert!(baseline.expired().is_empty());
        let later = Baseline::parse(FILE, day("2026-07-01")).expect("a baseline");
        assert_eq!(later.accepts("a", &row("x")), None);
        assert_eq!(later.expired().len(), 1);
    }

    #[test]
    fn refuses_entries_that_say_too_little() {
        let refused = |from: &str, to: &str| Baseline::parse(&FILE.replace(from, to), day("2026-01-01")).err();
        assert!(refused("reason = 'known'", "reason = ' '").is_some_and(|error| error.contains("say why")));
        assert!(refused("{ eventid = 'x', n = '1' }", "{}").is_some_and(|error| error.contains("every finding")));
        assert!(refused("expires = 2026-06-30\n", "").is_some_and(|error| error.contains("expires")));
        assert!(refused("query = 'a'", "query = 'a'\nextra = 1").is_some_and(|error| error.contains("extra")));
    }
}
