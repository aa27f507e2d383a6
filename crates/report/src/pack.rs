//! Packs: the controls of a standard, each with the queries that speak to it.

use serde::{Deserialize, Serialize};

use crate::error::ReportError;

/// The controls of one standard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Name on the command line, such as `pci-dss`.
    pub name: String,
    /// The standard with its version.
    pub title: String,
    /// What the pack covers, and what not.
    pub description: String,
    /// The controls, in the standard's order.
    #[serde(rename = "control")]
    pub controls: Vec<Control>,
    /// The file that it is from.
    #[serde(skip)]
    pub path: String,
}

/// One control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Number in the standard.
    pub id: String,
    /// What it asks for, in our words.
    pub title: String,
    /// Names of the queries that speak to it; none where CloudTrail cannot.
    pub queries: Vec<String>,
    /// What their results prove.
    pub proves: String,
    /// What they cannot prove from CloudTrail alone.
    pub misses: String,
    /// What to do about findings.
    pub remediation: String,
    /// Numbers in other versions and standards, such as `securityhub:CloudWatch.2`.
    #[serde(default)]
    pub also: Vec<String>,
}

impl Pack {
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, ReportError> {
        let failed = |message: String| ReportError::File { file: path.to_owned(), message };
        let pack: Self = toml::from_str(text).map_err(|error| failed(error.to_string()))?;
        Ok(Self { path: path.to_owned(), ..pack })
    }

    /// The queries of all controls, as often as they are named.
    pub fn query_names(&self) -> impl Iterator<Item = &str> {
        self.controls.iter().flat_map(|control| control.queries.iter().map(String::as_str))
    }
}
