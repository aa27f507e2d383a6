//! What may follow the cursor: keywords, tables, columns, struct members, functions, commands and file names.

use datafusion::arrow::datatypes::{DataType, Fields};
use rustyline::completion::{FilenameCompleter, Pair};
use trailql_sql::{Format, FunctionInfo, TableInfo};

use crate::command::COMMANDS;
use crate::highlight::{Lexeme, lex};

/// Words of SQL offered for completion, besides those of data types.
pub(crate) const KEYWORDS: &[&str] = &[
    "all",
    "and",
    "any",
    "as",
    "asc",
    "between",
    "by",
    "case",
    "cast",
    "copy",
    "create",
    "cross",
    "current_date",
    "current_timestamp",
    "date",
    "delete",
    "desc",
    "describe",
    "distinct",
    "drop",
    "else",
    "end",
    "escape",
    "except",
    "exclude",
    "exists",
    "explain",
    "analyze",
    "extract",
    "false",
    "filter",
    "first",
    "from",
    "full",
    "group",
    "having",
    "ilike",
    "in",
    "inner",
    "insert",
    "intersect",
    "interval",
    "into",
    "is",
    "join",
    "last",
    "lateral",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "nulls",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "prepare",
    "recursive",
    "right",
    "select",
    "set",
    "show",
    "similar",
    "table",
    "tables",
    "then",
    "timestamp",
    "to",
    "true",
    "try_cast",
    "union",
    "unnest",
    "update",
    "using",
    "values",
    "view",
    "when",
    "where",
    "window",
    "with",
];

/// Knows every name of a session.
#[derive(Default)]
pub(crate) struct Vocabulary {
    tables: Vec<TableInfo>,
    functions: Vec<String>,
    files: FilenameCompleter,
}

impl Vocabulary {
    pub(crate) fn new(tables: Vec<TableInfo>, functions: &[FunctionInfo]) -> Self {
        let mut functions: Vec<String> = functions.iter().map(|function| function.name.clone()).collect();
        functions.dedup();
        Self { tables, functions, files: FilenameCompleter::new() }
    }

    /// Returns where the completed word starts, and its candidates.
    pub(crate) fn complete(&self, line: &str, at: usize) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = &line[..at];
        if before.trim_start().starts_with('\\') {
            return self.complete_command(line, at);
        }
        let in_text = lex(before).last().is_some_and(|(lexeme, text)| match lexeme {
            Lexeme::Text => text.len() < 2 || !text.ends_with('\''),
            Lexeme::Comment => !text.ends_with('\n') && !text.ends_with("*/"),
            _ => false,
        });
        if in_text {
            return Ok((at, Vec::new()));
        }
        let start = before.rfind(|c: char| !is_name_char(c) && c != '.').map_or(0, |i| i + char_len(before, i));
        let word = &before[start..];
        let (path, partial) = word.rsplit_once('.').unwrap_or(("", word));
        let names = if path.is_empty() { self.plain_names(partial, line) } else { self.members(path, line) };
        let lower = partial.to_lowercase();
        let pairs = names
            .into_iter()
            .filter(|name| name.to_lowercase().starts_with(&lower))
            .map(|name| Pair { display: name.clone(), replacement: name })
            .collect();
        Ok((at - partial.len(), pairs))
    }

    fn complete_command(&self, line: &str, at: usize) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = &line[..at];
        let word_start = before.rfind(char::is_whitespace).map_or(0, |i| i + char_len(before, i));
        let word = &before[word_start..];
        let Some((command, _)) = before.trim_start().split_once(char::is_whitespace) else {
            return Ok((word_start, pairs(COMMANDS.iter().map(|(name, ..)| *name), word)));
        };
        match command {
            "\\i" | "\\o" | "\\s" => self.files.complete_path(line, at),
            "\\d" => Ok((word_start, pairs(self.tables.iter().map(|table| table.name.as_str()), word))),
            "\\df" => Ok((word_start, pairs(self.functions.iter().map(String::as_str), word))),
            "\\f" => {
                let formats = Format::ALL.into_iter().filter(|format| !format.is_binary()).map(Format::name);
                Ok((word_start, pairs(formats, word)))
            }
            "\\x" | "\\timing" => Ok((word_start, pairs(["on", "off"].into_iter(), word))),
            _ => Ok((at, Vec::new())),
        }
    }

    /// Names that can stand alone: columns of the tables that the line mentions (of all, if it mentions none yet),
    /// tables, functions, keywords.
    fn plain_names(&self, partial: &str, line: &str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut add = |name: String| {
            if !names.contains(&name) {
                names.push(name);
            }
        };
        let mentioned = self.mentioned_tables(line);
        for table in if mentioned.is_empty() { self.tables.iter().collect() } else { mentioned } {
            table.columns.iter().for_each(|column| add(quoted_if_needed(&column.name)));
        }
        self.tables.iter().for_each(|table| add(quoted_if_needed(&table.name)));
        self.functions.iter().for_each(|function| add(format!("{function}(")));
        // As the user writes them.
        let is_upper = partial.chars().any(char::is_uppercase) && !partial.chars().any(char::is_lowercase);
        KEYWORDS.iter().for_each(|word| add(if is_upper { word.to_uppercase() } else { (*word).to_owned() }));
        names
    }

    /// Members of what `path` names: a table, an alias or a struct column, or a struct inside one.
    fn members(&self, path: &str, line: &str) -> Vec<String> {
        let parts: Vec<String> = path.split('.').map(str::to_lowercase).collect();
        let named = self.table_called(&parts[0], line);
        if let Some(table) = named {
            if parts.len() == 1 {
                return table.columns.iter().map(|column| quoted_if_needed(&column.name)).collect();
            }
            return struct_members(std::slice::from_ref(table), &parts[1..]);
        }
        struct_members(&self.tables, &parts)
    }

    fn table_called(&self, name: &str, line: &str) -> Option<&TableInfo> {
        let by_name = |name: &str| self.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name));
        by_name(name).or_else(|| {
            // `FROM table [AS] alias`
            let words: Vec<String> = words(line);
            words.iter().enumerate().filter(|(_, word)| word.eq_ignore_ascii_case(name)).find_map(|(at, _)| {
                let previous = words.get(at.checked_sub(1)?)?;
                let previous =
                    if previous.eq_ignore_ascii_case("as") { words.get(at.checked_sub(2)?)? } else { previous };
                by_name(previous)
            })
        })
    }

    fn mentioned_tables(&self, line: &str) -> Vec<&TableInfo> {
        let words = words(line);
        let mentions = |table: &&TableInfo| words.iter().any(|word| word.eq_ignore_ascii_case(&table.name));
        self.tables.iter().filter(mentions).collect()
    }
}

/// Says whether a character belongs to an unquoted name.
pub(crate) fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

fn struct_members(tables: &[TableInfo], path: &[String]) -> Vec<String> {
    let Some((first, rest)) = path.split_first() else { return Vec::new() };
    let column = tables.iter().flat_map(|table| &table.columns).find(|column| column.name == *first);
    let mut fields = column.and_then(|column| fields_of(&column.data_type));
    for part in rest {
        let inner = fields.and_then(|fields| fields.iter().find(|field| field.name() == part));
        fields = inner.and_then(|field| fields_of(field.data_type()));
    }
    fields.map(|fields| fields.iter().map(|field| field.name().clone()).collect()).unwrap_or_default()
}

fn fields_of(data_type: &DataType) -> Option<&Fields> {
    match data_type {
        DataType::Struct(fields) => Some(fields),
        _ => None,
    }
}

fn words(line: &str) -> Vec<String> {
    lex(line).into_iter().filter(|(lexeme, _)| *lexeme == Lexeme::Word).map(|(_, text)| text.to_owned()).collect()
}

fn pairs<'a>(names: impl Iterator<Item = &'a str>, partial: &str) -> Vec<Pair> {
    names
        .filter(|name| name.starts_with(partial))
        .map(|name| Pair { display: name.to_owned(), replacement: name.to_owned() })
        .collect()
}

fn quoted_if_needed(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if is_plain { name.to_owned() } else { format!("\"{name}\"") }
}

fn char_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::datasource::MemTable;
    use trailql_sql::{Session, SessionOptions};
    use trailql_table::VIRTUAL_COLUMNS;

    use super::*;

    async fn candidates(line: &str) -> Vec<String> {
        let session = Session::try_new(&SessionOptions::default()).unwrap();
        let mut fields: Vec<_> = trailql_event::table_schema().fields().iter().cloned().collect();
        fields.extend(VIRTUAL_COLUMNS.iter().map(|name| Arc::new(Field::new(*name, DataType::Utf8, true))));
        let table = MemTable::try_new(Arc::new(Schema::new(fields)), vec![vec![]]).unwrap();
        session.set_logs(Arc::new(table)).await.unwrap();
        let vocabulary = Vocabulary::new(session.tables().await, &session.functions());
        vocabulary.complete(line, line.len()).unwrap().1.into_iter().map(|pair| pair.replacement).collect()
    }

    #[tokio::test]
    async fn completes_columns_and_members() {
        assert_eq!(candidates("select eventn").await, ["eventname"]);
        assert_eq!(candidates("select userIdentity.ar").await, ["arn"]);
        assert_eq!(
            candidates("select useridentity.sessioncontext.sessionissuer.").await,
            ["type", "principalid", "arn", "accountid", "username"]
        );
    }

    #[tokio::test]
    async fn completes_tables_aliases_and_functions() {
        assert_eq!(candidates("select * from cloudtrail_").await, ["cloudtrail_logs"]);
        assert_eq!(candidates("select 1 from errors e where e.errorm").await, ["errormessage"]);
        assert_eq!(candidates("select 1 from errors AS e where e.useridentity.arn").await, ["arn"]);
        assert!(candidates("select date_tr").await.contains(&"date_trunc(".to_owned()));
    }

    #[tokio::test]
    async fn completes_keywords_in_the_case_that_is_typed() {
        assert_eq!(candidates("SELEC").await, ["SELECT"]);
        assert_eq!(candidates("selec").await, ["select"]);
    }

    #[tokio::test]
    async fn leaves_text_and_comments_alone() {
        assert!(candidates("select 'eventn").await.is_empty());
        assert!(candidates("select 1 -- eventn").await.is_empty());
        assert_eq!(candidates("select 'x', eventn").await, ["eventname"]);
    }

    #[tokio::test]
    async fn completes_commands_and_their_arguments() {
        assert_eq!(candidates("\\ti").await, ["\\timing"]);
        assert_eq!(candidates("\\f mark").await, ["markdown"]);
        assert_eq!(candidates("\\d err").await, ["errors"]);
    }
}
