//! One query file.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use trailql_sql::{Statement, split_statements};

use crate::error::ReportError;
use crate::header::{self, Header};

/// A query with its header.
#[derive(Debug, Clone)]
pub struct Query {
    /// Where it is: a path of the library, or a file on disk.
    pub path: String,
    /// What it says about itself.
    pub header: Header,
    /// The SQL without header and `;`.
    pub sql: String,
    /// Whether the file has a header; without one, nothing is known of parameters and columns.
    pub has_header: bool,
}

impl Query {
    /// Reads the text of the file at `path`, and checks that header and SQL fit each other.
    ///
    /// Errors name the line.
    pub fn parse(path: &str, text: &str) -> Result<Self, ReportError> {
        let parsed = header::parse(path, text)?;
        let failed = |line: usize, message: String| ReportError::Header { file: path.to_owned(), line, message };
        let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let has_header = parsed.header.is_some();
        let header = parsed.header.unwrap_or_else(|| Header::of_plain_file(stem));
        if header.name != stem {
            return Err(failed(1, format!("the name is '{}', but the file is named '{stem}'", header.name)));
        }
        let statements = split_statements(text);
        let [statement] = &statements[..] else {
            let message = format!("one statement is expected, {} are there", statements.len());
            return Err(failed(parsed.lines + 1, message));
        };
        let query = Self { path: path.to_owned(), header, sql: statement.text().to_owned(), has_header };
        if has_header {
            query.check_params(text).map_err(|(line, message)| failed(line, message))?;
        }
        Ok(query)
    }

    /// The statement to run.
    pub fn statement(&self) -> Statement {
        Statement::new(self.sql.clone())
    }

    /// The last folder of its path, such as `detect`.
    pub fn folder(&self) -> &str {
        Path::new(&self.path).parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The values of all parameters, from those given and the defaults; spans count back from `now`.
    pub fn resolve(
        &self,
        given: &BTreeMap<String, String>,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<String, String>, ReportError> {
        let value = |param: &crate::param::Param| {
            let value = param
                .resolve(given.get(&param.name).map(String::as_str), now)
                .map_err(|message| ReportError::Parameter { message: format!("{}: {message}", self.header.name) })?;
            Ok((param.name.clone(), value))
        };
        if !self.has_header {
            return Ok(given.clone());
        }
        self.header.params.iter().map(value).collect()
    }

    /// Every `$name` is declared, and every declared name is used.
    fn check_params(&self, text: &str) -> Result<(), (usize, String)> {
        // What does not even tokenise is left to the parser, whose message is better.
        let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize_with_location().unwrap_or_default();
        let mut used = Vec::new();
        for token in tokens {
            if let Token::Placeholder(name) = &token.token {
                let name = name.trim_start_matches('$').to_owned();
                if !self.header.params.iter().any(|param| param.name == name) {
                    let line = usize::try_from(token.span.start.line).unwrap_or_default();
                    return Err((
                        line,
                        format!("${name} is not declared; add '-- param: {name} TYPE -- what it is for'"),
                    ));
                }
                used.push(name);
            }
        }
        match self.header.params.iter().find(|param| !used.contains(&param.name)) {
            Some(param) => Err((1, format!("parameter '{}' is declared, but the SQL has no ${0}", param.name))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Query::parse("x/a.sql", text).map_or_else(|error| error.to_string(), |_| "no error".to_owned())
    }

    #[test]
    fn header_and_sql_must_fit() {
        assert_eq!(error("-- name: a\n-- title: A\n-- param: n bigint -- N\n\nSELECT $n;\n"), "no error");
        assert!(error("-- name: b\n-- title: A\n\nSELECT 1").contains("x/a.sql:1: the name is 'b'"));
        assert!(error("-- name: a\n-- title: A\n\nSELECT 1;\nSELECT 2").contains("one statement is expected, 2"));
        assert!(error("-- name: a\n-- title: A\n\nSELECT '$x', $n").contains("x/a.sql:4: $n is not declared"));
        assert!(error("-- name: a\n-- title: A\n-- param: n bigint -- N\n\nSELECT 1").contains("no $n"));
        assert!(error("").contains("one statement is expected, 0"));
    }

    #[test]
    fn a_plain_file_is_a_query_too() {
        let query = Query::parse("x/no_root.sql", "SELECT 1").expect("a query");
        assert_eq!((query.header.name.as_str(), query.header.title.as_str()), ("no_root", "no root"));
        assert_eq!(query.folder(), "x");
    }
}
