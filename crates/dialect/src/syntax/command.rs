//! Statements of Athena's that are no SQL for DataFusion: `PREPARE … FROM`, `EXECUTE … USING`, Hive's DDL.
//!
//! They are told by their first words, from tokens alone.

use std::ops::ControlFlow;

use datafusion::error::{DataFusionError, Result};
use datafusion::sql::sqlparser::ast::{Expr, Statement, Value, ValueWithSpan, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::grammar::TrinoDialect;
use super::tables::Notice;
use super::words::Words;

/// What a statement asks of the session itself.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Command {
    /// `PREPARE name FROM query`: keep a query under a name.
    Prepare {
        /// The name.
        name: String,
        /// The query's text, with `?` for its arguments.
        query: String,
    },
    /// `EXECUTE name USING 1, 'x'`: run a kept query.
    Execute {
        /// The name.
        name: String,
        /// The arguments.
        arguments: Vec<Expr>,
    },
    /// `DEALLOCATE PREPARE name`: forget a kept query.
    Deallocate {
        /// The name.
        name: String,
    },
    /// `CREATE EXTERNAL TABLE … LOCATION '…'` with a Hive SerDe: log files in place, under a name.
    LogFiles {
        /// The table's name.
        name: String,
        /// Where the files are.
        location: String,
    },
    /// A statement that has nothing to do here.
    Nothing(Notice),
}

impl Command {
    /// Reads a statement that is such a command; `None` for every other.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        let words = Words::new(text);
        Ok(match words.upper(0).as_str() {
            "PREPARE" if words.upper(2) == "FROM" => Some(Self::Prepare { name: words.name(1), query: words.after(2) }),
            "EXECUTE" if matches!(words.upper(2).as_str(), "" | "USING") && !words.name(1).is_empty() => {
                Some(Self::Execute { name: words.name(1), arguments: arguments(&words.after(2))? })
            }
            "DEALLOCATE" if words.upper(1) == "PREPARE" => Some(Self::Deallocate { name: words.name(2) }),
            "CREATE" if words.upper(1) == "EXTERNAL" && words.is_hive_table() => words.log_files(),
            _ => words.nothing_to_do().map(Self::Nothing),
        })
    }
}

/// Spells `CREATE TABLE t WITH (…) AS query` as DataFusion has it.
pub(super) fn respelled(text: &str) -> Option<String> {
    let words = Words::new(text);
    match words.upper(0).as_str() {
        "CREATE" if words.upper(1) == "TABLE" => {
            let at = words.position("WITH")?;
            let behind = words.after(at);
            let (_, tail) = parenthesized(behind.trim_start())?;
            (Words::new(tail).upper(0) == "AS").then(|| format!("{} {tail}", words.before(at)))
        }
        _ => None,
    }
}

/// Splits `(…) rest` at the closing parenthesis, by tokens.
fn parenthesized(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_i32;
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return text.starts_with('(').then(|| (&text[1..at], &text[at + 1..]));
        }
    }
    None
}

fn arguments(text: &str) -> Result<Vec<Expr>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let parsed = Parser::new(&TrinoDialect)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_comma_separated(Parser::parse_expr));
    parsed.map_err(|error| DataFusionError::SQL(Box::new(error), None))
}

/// Puts arguments for the `?` of a statement, in their order.
pub(super) fn bind(statement: &mut Statement, arguments: &[Expr]) -> Result<()> {
    let mut binder = Binder { arguments, next: 0 };
    let _ = VisitMut::visit(statement, &mut binder);
    if binder.next != arguments.len() {
        return datafusion::common::plan_err!(
            "the statement has {} `?`, but {} arguments are given; write EXECUTE name USING …",
            binder.next,
            arguments.len()
        );
    }
    Ok(())
}

struct Binder<'a> {
    arguments: &'a [Expr],
    next: usize,
}

impl VisitorMut for Binder<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) = expr
            && name == "?"
        {
            if let Some(argument) = self.arguments.get(self.next) {
                *expr = argument.clone();
            }
            self.next += 1;
        }
        ControlFlow::Continue(())
    }
}

impl Words {
    /// Tells Hive's tables from DataFusion's own external tables, which have `STORED AS` a format and nothing else.
    fn is_hive_table(&self) -> bool {
        let has = |keyword: &str| self.position(keyword).is_some();
        has("LOCATION")
            && (has("SERDE") || has("INPUTFORMAT") || has("PARTITIONED") || has("TBLPROPERTIES") || has("ROW"))
    }

    fn log_files(&self) -> Option<Command> {
        let mut at = self.position("TABLE")? + 1;
        if self.upper(at) == "IF" {
            at += 3;
        }
        // The name's last part: `database.table`.
        while self.is_period(at + 1) {
            at += 2;
        }
        let name = self.name(at);
        let location = match self.token(self.position("LOCATION")? + 1)? {
            Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => text.trim().to_owned(),
            Token::Word(word) => word.value.trim().to_owned(),
            _ => return None,
        };
        Some(Command::LogFiles { name, location })
    }

    fn nothing_to_do(&self) -> Option<Notice> {
        let words = [self.upper(0), self.upper(1), self.upper(2)];
        let words = [words[0].as_str(), words[1].as_str(), words[2].as_str()];
        let reason = match words {
            ["MSCK", "REPAIR", _] => {
                "MSCK REPAIR TABLE: partitions are found by themselves, there is nothing to repair"
            }
            ["ALTER", "TABLE", _] if self.position("PARTITION").is_some() => {
                "ALTER TABLE … PARTITION: partitions are found by themselves, there is nothing to add"
            }
            ["ALTER", "TABLE", _] if self.position("TBLPROPERTIES").is_some() => {
                "ALTER TABLE … SET TBLPROPERTIES: tables have no properties here"
            }
            ["CREATE" | "DROP", "DATABASE" | "SCHEMA", _] => {
                "databases are not needed here: a name such as db.table finds the table"
            }
            ["USE", ..] => "USE: databases are not needed here, db.table finds the table",
            _ => return None,
        };
        Some(Notice::NothingDone { reason: reason.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(text: &str) -> Option<Command> {
        Command::parse(text).unwrap()
    }

    #[test]
    fn reads_prepared_statements() {
        let prepare = parse("PREPARE q FROM SELECT 1\nWHERE a = ?").unwrap();
        assert_eq!(prepare, Command::Prepare { name: "q".to_owned(), query: " SELECT 1\nWHERE a = ?".to_owned() });
        assert!(
            matches!(parse("EXECUTE q USING 1, 'x'"), Some(Command::Execute { arguments, .. }) if arguments.len() == 2)
        );
        assert!(matches!(parse("EXECUTE q"), Some(Command::Execute { arguments, .. }) if arguments.is_empty()));
        assert_eq!(parse("DEALLOCATE PREPARE q"), Some(Command::Deallocate { name: "q".to_owned() }));
    }

    #[test]
    fn reads_hive_tables() {
        let ddl =
            "CREATE EXTERNAL TABLE IF NOT EXISTS `db`.`trail` (eventversion STRING, useridentity STRUCT<type: STRING>)
            PARTITIONED BY (`timestamp` string) ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
            LOCATION 's3://bucket/AWSLogs/1/CloudTrail/' TBLPROPERTIES ('projection.enabled'='true')";
        let location = "s3://bucket/AWSLogs/1/CloudTrail/".to_owned();
        assert_eq!(parse(ddl), Some(Command::LogFiles { name: "trail".to_owned(), location }));
        assert_eq!(parse("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'x'"), None);
    }

    #[test]
    fn knows_what_has_nothing_to_do() {
        for text in ["MSCK REPAIR TABLE t", "ALTER TABLE t ADD PARTITION (day='1') LOCATION 'x'", "create database d"] {
            assert!(matches!(parse(text), Some(Command::Nothing(_))), "{text}");
        }
        for text in ["SELECT 1", "CREATE VIEW v AS SELECT 1", "CREATE TABLE t AS SELECT 1", ""] {
            assert_eq!(parse(text), None);
        }
    }

    #[test]
    fn respells_table_properties() {
        let create = "CREATE TABLE t WITH (format = 'PARQUET') AS SELECT 1";
        assert_eq!(respelled(create).unwrap(), "CREATE TABLE t  AS SELECT 1");
        assert_eq!(respelled("CREATE TABLE t AS WITH a AS (SELECT 1) SELECT * FROM a"), None);
    }
}
