//! A source of log files that has a name.

use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::error::ConfigError;
use crate::value::parse_time;

/// What `[sources.NAME]` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// Files, folders, patterns or URLs.
    pub urls: Vec<String>,
    /// Earliest `eventtime`, inclusive.
    pub since: Option<DateTime<Utc>>,
    /// Latest `eventtime`, exclusive.
    pub until: Option<DateTime<Utc>>,
    /// Accounts; empty for all.
    pub accounts: Vec<String>,
    /// Regions; empty for all.
    pub regions: Vec<String>,
    /// SQL condition over the stored columns.
    pub condition: Option<String>,
    /// URL of the queue that announces new objects.
    pub sqs: Option<String>,
}

impl Config {
    /// The source of this name; `None` if there is none.
    pub fn source(&self, name: &str) -> Result<Option<Source>, ConfigError> {
        if !self.names("sources").contains(&name) {
            return Ok(None);
        }
        let key = |key: &str| format!("sources.{name}.{key}");
        let text = |path: &str| self.text(&key(path));
        let time = |path: &str| text(path).and_then(|text| parse_time(text).ok());
        let source = Source {
            urls: self.list(&key("url")).to_vec(),
            since: time("since"),
            until: time("until"),
            accounts: self.list(&key("accounts")).to_vec(),
            regions: self.list(&key("regions")).to_vec(),
            condition: text("where").map(str::to_owned),
            sqs: text("sqs").map(str::to_owned),
        };
        if source.urls.is_empty() {
            let reason = format!("[sources.{name}] says nothing of where the log files are");
            return Err(ConfigError::Missing { key: key("url"), reason });
        }
        Ok(Some(source))
    }
}
