//! The header of a query file: what its first comments say about it.
//!
//! ```text
//! -- KEY: VALUE            one line per key, from the first line of the file on
//! --   more of the value   continued with three blanks or more
//! ```
//!
//! A file whose first line is not `-- name: …` has no header: it is a query named after its file.

use std::str::FromStr;

use crate::error::ReportError;
use crate::param::Param;
use crate::severity::Severity;

/// What a query says about itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Header {
    /// Name of the query: the file's name without `.sql`.
    pub name: String,
    /// A few words for headings.
    pub title: String,
    /// What the rows are, in a sentence or two.
    pub description: String,
    /// How bad a row is.
    pub severity: Severity,
    /// Labels such as `cis:4.1` or `mitre:T1098`.
    pub tags: Vec<String>,
    /// Parameters in the order of declaration.
    pub params: Vec<Param>,
    /// The columns that the query promises; empty where it promises none.
    pub columns: Vec<ColumnSpec>,
    /// What must hold; `None` for a query that asserts nothing.
    pub expect: Option<Expectation>,
    /// Columns that tell one finding from another; empty for all of them.
    pub key: Vec<String>,
    /// How the rows are best drawn.
    pub chart: Option<Chart>,
    /// What an empty or full result proves.
    pub proves: Option<String>,
    /// What it cannot prove from CloudTrail alone.
    pub misses: Option<String>,
    /// What to do about a row.
    pub remediation: Option<String>,
}

/// A promised column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSpec {
    /// Name of the column.
    pub name: String,
    /// Its SQL type, such as `text`, `bigint` or `timestamp`.
    pub kind: String,
}

/// What an assertion expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// The query returns nothing.
    NoRows,
    /// The query returns one row, for which this SQL condition is true.
    Row(String),
}

/// How rows are drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Lines or bars.
    pub kind: ChartKind,
    /// Column of the horizontal axis.
    pub x: String,
    /// Column of the vertical axis; `None` counts rows by day of `x`.
    pub y: Option<String>,
    /// Column that makes several series.
    pub series: Option<String>,
}

/// Kinds of charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartKind {
    /// A line over time.
    Line,
    /// A bar per name.
    Bar,
}

/// Keys of a header, for the message about a wrong one.
const KEYS: &str =
    "name, title, description, severity, tags, param, columns, expect, key, chart, proves, misses and remediation";

/// A header and where the SQL begins.
pub(crate) struct Parsed {
    pub(crate) header: Option<Header>,
    /// Lines of the header, for `$name` checks and messages.
    pub(crate) lines: usize,
}

/// Reads the header of the text of `file`.
pub(crate) fn parse(file: &str, text: &str) -> Result<Parsed, ReportError> {
    if !text.starts_with("-- name:") {
        return Ok(Parsed { header: None, lines: 0 });
    }
    let entries = entries(file, text)?;
    let lines = text.lines().take_while(|line| line.starts_with("--")).count();
    let mut header = Header::default();
    let mut seen = Vec::new();
    for Entry { line, key, value } in &entries {
        let failed = |message: String| ReportError::Header { file: file.to_owned(), line: *line, message };
        if *key != "param" && seen.contains(key) {
            return Err(failed(format!("'{key}' comes twice")));
        }
        seen.push(key);
        header.set(key, value).map_err(failed)?;
    }
    let line_of = |key: &str| entries.iter().find(|entry| entry.key == key).map_or(1, |entry| entry.line);
    header.check().map_err(|(key, message)| ReportError::Header {
        file: file.to_owned(),
        line: line_of(key),
        message,
    })?;
    Ok(Parsed { header: Some(header), lines })
}

struct Entry<'a> {
    line: usize,
    key: &'a str,
    value: String,
}

fn entries<'a>(file: &str, text: &'a str) -> Result<Vec<Entry<'a>>, ReportError> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let Some(comment) = line.strip_prefix("--") else { break };
        if let (Some(more), Some(entry)) = (comment.strip_prefix("   "), entries.last_mut()) {
            entry.value.push(' ');
            entry.value.push_str(more.trim());
        } else if let Some((key, value)) = comment.split_once(':').filter(|(key, _)| is_key(key)) {
            entries.push(Entry { line: number, key: key.trim(), value: value.trim().to_owned() });
        } else {
            let message =
                "a header line is '-- KEY: VALUE', or '--   ' and more of the value above; an empty line ends \
                           the header"
                    .to_owned();
            return Err(ReportError::Header { file: file.to_owned(), line: number, message });
        }
    }
    Ok(entries)
}

fn is_key(text: &str) -> bool {
    text.strip_prefix(' ').is_some_and(|key| !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase()))
}

impl Header {
    /// The header of a file that has none.
    pub(crate) fn of_plain_file(name: &str) -> Self {
        Self { name: name.to_owned(), title: name.replace('_', " "), severity: Severity::Medium, ..Self::default() }
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        if value.is_empty() {
            return Err(format!("'{key}' has no value"));
        }
        let text = || value.to_owned();
        match key {
            "name" => self.name = text(),
            "title" => self.title = text(),
            "description" => self.description = text(),
            "severity" => self.severity = value.parse()?,
            "tags" => self.tags = value.split_whitespace().map(str::to_owned).collect(),
            "param" => self.add_param(value.parse()?)?,
            "columns" => self.columns = value.split(',').map(str::parse).collect::<Result<_, _>>()?,
            "expect" if value == "no rows" => self.expect = Some(Expectation::NoRows),
            "expect" => self.expect = Some(Expectation::Row(text())),
            "key" => self.key = value.split(',').map(|column| column.trim().to_owned()).collect(),
            "chart" => self.chart = Some(value.parse()?),
            "proves" => self.proves = Some(text()),
            "misses" => self.misses = Some(text()),
            "remediation" => self.remediation = Some(text()),
            other => return Err(format!("no header key '{other}'; there are {KEYS}")),
        }
        Ok(())
    }

    fn add_param(&mut self, param: Param) -> Result<(), String> {
        if self.params.iter().any(|known| known.name == param.name) {
            return Err(format!("parameter '{}' comes twice", param.name));
        }
        self.params.push(param);
        Ok(())
    }

    /// Says under which key something does not fit the rest.
    fn check(&self) -> Result<(), (&'static str, String)> {
        if self.title.is_empty() {
            return Err(("name", "a header needs a title".to_owned()));
        }
        let is_column = |name: &String| self.columns.is_empty() || self.columns.iter().any(|c| c.name == *name);
        if let Some(missing) = self.key.iter().find(|name| !is_column(name)) {
            return Err(("key", format!("'{missing}' is not among the columns")));
        }
        let charted = self.chart.iter().flat_map(Chart::columns);
        if let Some(missing) = charted.into_iter().find(|name| !is_column(name)) {
            return Err(("chart", format!("'{missing}' is not among the columns")));
        }
        Ok(())
    }
}

impl Chart {
    fn columns(&self) -> Vec<&String> {
        std::iter::once(&self.x).chain(&self.y).chain(&self.series).collect()
    }
}

impl FromStr for ColumnSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            [name, kind] => Ok(Self { name: name.to_owned(), kind: kind.to_owned() }),
            _ => Err(format!("a column is written NAME TYPE, with commas between columns; this is '{}'", text.trim())),
        }
    }
}

impl FromStr for Chart {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let owned = |text: &str| Some(text.to_owned());
        let (kind, x, y, series) = match text.split_whitespace().collect::<Vec<_>>()[..] {
            ["count", x] => (ChartKind::Bar, x, None, None),
            ["line", x, y] => (ChartKind::Line, x, owned(y), None),
            ["line", x, y, "by", series] => (ChartKind::Line, x, owned(y), owned(series)),
            ["bar", x, y] => (ChartKind::Bar, x, owned(y), None),
            _ => {
                return Err(
                    "a chart is 'line X Y', 'line X Y by SERIES', 'bar X Y', or 'count X' for rows a day".into()
                );
            }
        };
        Ok(Self { kind, x: x.to_owned(), y, series })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        match parse("a.sql", text) {
            Ok(_) => "no error".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn reads_every_key() {
        let text = "-- name: a\n-- title: A title\n-- description: Long\n--   and longer\n-- severity: high\n\
                    -- tags: cis:4.1 mitre:T1098\n-- param: n bigint = 1 -- How many\n-- columns: x text, day date\n\
                    -- expect: n = 0\n-- key: x\n-- chart: count day\n-- remediation: Do it\n\nSELECT 1";
        let header = parse("a.sql", text).ok().and_then(|parsed| parsed.header).expect("a header");
        assert_eq!(header.description, "Long and longer");
        assert_eq!(header.tags, ["cis:4.1", "mitre:T1098"]);
        assert_eq!(header.expect, Some(Expectation::Row("n = 0".to_owned())));
        assert_eq!(header.columns[1], ColumnSpec { name: "day".to_owned(), kind: "date".to_owned() });
        assert_eq!((header.severity, header.params.len()), (Severity::High, 1));
    }

    #[test]
    fn errors_name_file_and_line() {
        assert!(
            error("-- name: a\n-- title: A\n-- sevrity: high\nSELECT 1")
                .starts_with("a.sql:3: no header key 'sevrity'")
        );
        assert!(error("-- name: a\n-- title: A\n-- severity: huge\n").starts_with("a.sql:3: no severity 'huge'"));
        assert!(error("-- name: a\n-- title: A\n-- title: B\n").starts_with("a.sql:3: 'title' comes twice"));
        assert!(error("-- name: a\n-- title: A\nnot\n").contains("no error"));
        assert!(error("-- name: a\n-- nonsense\n").starts_with("a.sql:2: a header line is"));
        assert!(error("-- name: a\n-- title: A\n-- columns: a text\n-- key: b\n").starts_with("a.sql:4: 'b' is not"));
        assert!(error("-- name: a\n-- title: A\n-- param: n int -- x\n").starts_with("a.sql:3: no parameter type"));
        assert!(error("-- name: a\n-- title: A\n-- chart: pie a\n").starts_with("a.sql:3: a chart is"));
    }

    #[test]
    fn a_plain_query_has_no_header() {
        assert!(parse("a.sql", "-- why\nSELECT 1").is_ok_and(|parsed| parsed.header.is_none()));
    }
}
