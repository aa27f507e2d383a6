//! What there is to tell.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How bad it is, least first; named as the severities of queries are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing is wrong.
    #[default]
    Info,
    /// Worth a look when there is time.
    Low,
    /// Worth a look this week.
    Medium,
    /// Worth a look today.
    High,
    /// Worth waking somebody.
    Critical,
}

impl Level {
    /// The level of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "info" => Self::Info,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "critical" => Self::Critical,
            _ => return None,
        })
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything went well.
    Ok,
    /// Something was found, or part of it failed.
    Problem,
    /// It could not be done, or not be checked.
    Failed,
}

/// What is told about one run.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    /// The job or command.
    pub job: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How bad the worst of it is.
    pub level: Level,
    /// One line.
    pub subject: String,
    /// A few lines.
    pub text: String,
    /// Says when two messages tell the same: those of one job, with the same outcome and key. Counts and times that
    /// differ from run to run are not in it.
    #[serde(skip)]
    pub key: String,
    /// When the run ended.
    pub time: DateTime<Utc>,
    /// What programs may want to know, such as the counts of a report.
    pub details: Value,
}

impl Message {
    /// Fills the `{job}`, `{outcome}`, `{level}`, `{subject}`, `{text}` and `{time}` of a template.
    pub fn fill(&self, template: &str) -> String {
        let values = [
            ("{job}", self.job.clone()),
            ("{outcome}", name_of(&self.outcome)),
            ("{level}", name_of(&self.level)),
            ("{subject}", self.subject.clone()),
            ("{text}", self.text.clone()),
            ("{time}", self.time.to_rfc3339()),
        ];
        // From left to right, so that what a value holds is never taken for a placeholder.
        let mut filled = String::new();
        let mut rest = template;
        while let Some(at) = rest.find('{') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            let known = values.iter().find(|(placeholder, _)| rest.starts_with(placeholder));
            let (taken, value) = known.map_or((1, "{"), |(placeholder, value)| (placeholder.len(), value));
            filled.push_str(value);
            rest = &rest[taken..];
        }
        filled + rest
    }

    /// Equal for messages that tell the same.
    pub(crate) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.job, &name_of(&self.outcome), &self.key] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hex::encode(hash.finalize())
    }
}

fn name_of(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled_once() {
        let message = Message {
            job: "daily".to_owned(),
            outcome: Outcome::Problem,
            level: Level::High,
            subject: "3 {text}".to_owned(),
            text: "x".to_owned(),
            key: String::new(),
            time: DateTime::UNIX_EPOCH,
            details: Value::Null,
        };
        assert_eq!(message.fill("[{level}] {job}: {subject} {nothing} {"), "[high] daily: 3 {text} {nothing} {");
    }
}
