//! What a query asserts, and what became of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::baseline::{Acceptance, Baseline};
use crate::header::Header;

/// What became of an assertion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Verdict {
    /// The query asserts nothing.
    Reported,
    /// It holds.
    Held,
    /// It does not hold: there are findings that nobody accepted.
    Violated,
    /// Nobody can say: the query failed, or there was nothing to check.
    Unchecked {
        /// Why not.
        reason: String,
    },
}

impl Verdict {
    /// One word for people.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Held => "held",
            Self::Violated => "violated",
            Self::Unchecked { .. } => "not checked",
        }
    }
}

/// A row that should not be there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The values that tell it from other findings of the query.
    pub key: Map<String, Value>,
    /// Hash of the query's name and the key: the same for the same finding in every run.
    pub fingerprint: String,
    /// Why it is accepted; `None` if it is not.
    pub accepted: Option<Acceptance>,
}

impl Finding {
    /// The finding that `row` is.
    pub(crate) fn of(header: &Header, row: &Map<String, Value>, baseline: &Baseline) -> Self {
        let is_key = |column: &String| header.key.is_empty() || header.key.contains(column);
        let key: Map<String, Value> =
            row.iter().filter(|(column, _)| is_key(column)).map(|(c, v)| (c.clone(), v.clone())).collect();
        let mut hash = Sha256::new();
        hash.update(header.name.as_bytes());
        hash.update(Value::Object(key.clone()).to_string().as_bytes());
        let fingerprint = hex::encode(hash.finalize());
        Self { key, fingerprint, accepted: baseline.accepts(&header.name, row) }
    }

    /// The key in one line.
    pub fn summary(&self) -> String {
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let parts: Vec<String> = self.key.iter().map(|(column, value)| format!("{column} {}", shown(value))).collect();
        parts.join(", ")
    }
}
