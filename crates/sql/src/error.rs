//! Errors for the people who wrote the query: what is wrong, where, and what they may have meant.

use std::fmt;

use datafusion::arrow::error::ArrowError;
use datafusion::common::{Column, Diagnostic, SchemaError, Span};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use trailql_dialect::TrinoDialect;
use trailql_export::ExportError;
use trailql_table::TableError;

use crate::foreign::{foreign_function, foreign_name};
use crate::format::{FormatError, printable};
use crate::script::Statement;
use crate::suggest::{Names, nearest};

/// Longest part of a line shown around the place of an error, in characters.
const EXCERPT_CHARS: usize = 100;

/// Longest message in our words, in characters.
const MESSAGE_CHARS: usize = 400;

/// A statement could not be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqlError {
    /// The query is wrong, or failed while it ran.
    #[error("{message}{}", excerpt(.place))]
    Query {
        /// What is wrong, in one line, with a suggestion where there is one.
        message: String,
        /// Where in the script, if that is known.
        place: Option<Place>,
    },
    /// The statement would change what trailql itself keeps.
    #[error("'{table}' is read-only here; events come in with `trailql ingest`, and views may have any other name")]
    ReadOnly {
        /// The relation that would change.
        table: String,
    },
    /// A `$name` in the query has no value.
    #[error("no value for ${name}; give it with --param {name}=VALUE")]
    MissingParameter {
        /// Its name, without the `$`.
        name: String,
    },
    /// A parameter's text is no value of the type that its place in the query needs.
    #[error("${name} = '{value}' is no {wanted}")]
    ParameterType {
        /// Its name, without the `$`.
        name: String,
        /// The text that was given.
        value: String,
        /// The type that was needed.
        wanted: String,
    },
    /// `EXECUTE` names a statement that was not prepared.
    #[error("no statement is prepared as '{name}'; write PREPARE {name} FROM … first")]
    NotPrepared {
        /// The name.
        name: String,
    },
    /// The log files of a `CREATE EXTERNAL TABLE` could not be listed.
    #[error("listing the log files at {location}")]
    LogFiles {
        /// The location.
        location: String,
        /// What went wrong.
        source: Box<TableError>,
    },
    /// A `COPY` or `UNLOAD` asks for what cannot be.
    #[error("{message}")]
    Export {
        /// What is wrong, and what to write instead.
        message: String,
    },
    /// The rows could not be put where they were to go.
    #[error(transparent)]
    Place(#[from] ExportError),
    /// The rows could not be written in their format.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The session could not be set up.
    #[error("setting up the SQL session")]
    Setup(#[source] DataFusionError),
}

/// Where in a script an error is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The text of that line, shortened around the place.
    pub excerpt: String,
    /// Characters before the place in `excerpt`.
    pub offset: usize,
    /// Characters to mark.
    pub width: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = format!("{}:{}", self.line, self.column);
        let margin = " ".repeat(position.len());
        writeln!(f, " {position} │ {}", self.excerpt)?;
        write!(f, " {margin} │ {}{}", " ".repeat(self.offset), "^".repeat(self.width.max(1)))
    }
}

impl SqlError {
    /// Turns DataFusion's error about `statement` into one for its author.
    pub(crate) fn explain(error: &DataFusionError, statement: &Statement, names: &Names) -> Self {
        let (cause, diagnostic) = unwrap(error);
        let source = Source::new(statement);
        let explained = match cause {
            DataFusionError::SchemaError(schema_error, _) => explain_schema(schema_error, names, &source),
            DataFusionError::SQL(parser_error, _) => explain_syntax(parser_error, &source),
            DataFusionError::Plan(message) | DataFusionError::Internal(message) => {
                explain_plan(message, names, &source)
            }
            DataFusionError::NotImplemented(message) => explain_not_implemented(message, names, &source),
            DataFusionError::ResourcesExhausted(message) => {
                Explained { message: format!("out of memory: {}", first_line(message)), span: None }
            }
            other => Explained { message: tidy(&other.strip_backtrace()), span: None },
        };
        let span = explained.span.or_else(|| diagnostic.and_then(|d| d.span).map(TextSpan::from));
        Self::Query { message: explained.message, place: span.and_then(|span| source.place(span)) }
    }
}

/// An error in our words, with where it is in the statement's text.
struct Explained {
    message: String,
    span: Option<TextSpan>,
}

/// A stretch of one line, 1-based, in characters.
#[derive(Debug, Clone, Copy)]
struct TextSpan {
    line: usize,
    column: usize,
    width: usize,
}

impl From<Span> for TextSpan {
    fn from(span: Span) -> Self {
        let (line, column) = (span.start.line as usize, span.start.column as usize);
        let width =
            if span.end.line == span.start.line { (span.end.column as usize).saturating_sub(column) } else { 1 };
        Self { line, column, width }
    }
}

impl From<&TokenWithSpan> for TextSpan {
    fn from(token: &TokenWithSpan) -> Self {
        let start = token.span.start;
        let width =
            if token.span.end.line == start.line { token.span.end.column.saturating_sub(start.column) } else { 1 };
        Self { line: start.line as usize, column: start.column as usize, width: width as usize }
    }
}

/// The statement's text and its tokens.
struct Source<'a> {
    statement: &'a Statement,
    tokens: Vec<TokenWithSpan>,
}

impl<'a> Source<'a> {
    fn new(statement: &'a Statement) -> Self {
        let tokens = Tokenizer::new(&TrinoDialect, statement.text()).tokenize_with_location().unwrap_or_default();
        let tokens = tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
        Self { statement, tokens }
    }

    /// Finds the first name equal to `name` for which `accept` likes the token's neighbours.
    fn find(&self, name: &str, accept: impl Fn(Option<&Token>, Option<&Token>) -> bool) -> Option<TextSpan> {
        let at = self.tokens.iter().enumerate().position(|(index, token)| {
            let before = index.checked_sub(1).and_then(|i| self.tokens.get(i)).map(|t| &t.token);
            let after = self.tokens.get(index + 1).map(|t| &t.token);
            word(token).is_some_and(|word| word.eq_ignore_ascii_case(name)) && accept(before, after)
        })?;
        Some(TextSpan::from(&self.tokens[at]))
    }

    /// Finds a member that is no member, and the path to it, as it is written.
    fn find_member(&self, name: &str) -> Option<(TextSpan, Vec<String>)> {
        let at = (1..self.tokens.len()).find(|&index| {
            self.tokens[index - 1].token == Token::Period
                && word(&self.tokens[index]).is_some_and(|word| word.eq_ignore_ascii_case(name))
        })?;
        let mut path = vec![word(&self.tokens[at])?.to_lowercase()];
        let mut index = at;
        while index >= 2 && self.tokens[index - 1].token == Token::Period {
            index -= 2;
            path.insert(0, word(&self.tokens[index])?.to_lowercase());
        }
        Some((TextSpan::from(&self.tokens[at]), path))
    }

    fn token_at(&self, line: usize, column: usize) -> Option<&TokenWithSpan> {
        self.tokens.iter().find(|t| (t.span.start.line as usize, t.span.start.column as usize) == (line, column))
    }

    fn end(&self) -> TextSpan {
        let text = self.statement.text();
        let last_line = text.rsplit('\n').next().unwrap_or_default();
        TextSpan { line: text.matches('\n').count() + 1, column: last_line.chars().count() + 1, width: 1 }
    }

    fn place(&self, span: TextSpan) -> Option<Place> {
        let text: Vec<char> = self.statement.text().split('\n').nth(span.line.checked_sub(1)?)?.chars().collect();
        let at = span.column.checked_sub(1)?.min(text.len());
        let first = at.saturating_sub(EXCERPT_CHARS * 2 / 3);
        let shown: Vec<char> = text.iter().skip(first).take(EXCERPT_CHARS).copied().collect();
        // Blanks for tabs and the like keep the caret under its token.
        let clean = |c: &char| if printable(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8() { *c } else { ' ' };
        let mut excerpt: String = shown.iter().map(clean).collect();
        let mut offset = at - first;
        if first > 0 {
            excerpt.insert(0, '…');
            offset += 1;
        }
        if first + shown.len() < text.len() {
            excerpt.push('…');
        }
        let width = span.width.min(excerpt.chars().count().saturating_sub(offset)).max(1);
        let (line, column) = self.statement.position_in_script(span.line, span.column);
        Some(Place { line, column, excerpt: excerpt.trim_end().to_owned(), offset, width })
    }
}

fn word(token: &TokenWithSpan) -> Option<&str> {
    match &token.token {
        Token::Word(word) => Some(&word.value),
        _ => None,
    }
}

/// Takes wrappers off an error, and the first diagnosis on the way.
fn unwrap(error: &DataFusionError) -> (&DataFusionError, Option<&Diagnostic>) {
    let mut error = error;
    let mut found = None;
    loop {
        error = match error {
            DataFusionError::Diagnostic(diagnostic, inner) => {
                found = found.or(Some(diagnostic.as_ref()));
                inner
            }
            DataFusionError::Context(_, inner) => inner,
            DataFusionError::Shared(inner) => inner,
            DataFusionError::Collection(errors) if !errors.is_empty() => &errors[0],
            DataFusionError::External(inner) => match inner.downcast_ref::<DataFusionError>() {
                Some(inner) => inner,
                None => return (error, found),
            },
            DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
                ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>() {
                    Some(inner) => inner,
                    None => return (error, found),
                },
                _ => return (error, found),
            },
            _ => return (error, found),
        };
    }
}

fn explain_schema(error: &SchemaError, names: &Names, source: &Source<'_>) -> Explained {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            explain_missing_column(field, valid_fields, names, source)
        }
        SchemaError::AmbiguousReference { field } => Explained {
            message: format!(
                "column '{0}' is in more than one table; say which with 'table.{0}'",
                printable(&field.name)
            ),
            span: source.find(&field.name, |before, _| before != Some(&Token::Period)),
        },
        other => Explained { message: tidy(&other.to_string()), span: None },
    }
}

fn explain_missing_column(field: &Column, valid: &[Column], names: &Names, source: &Source<'_>) -> Explained {
    let mut in_scope: Vec<String> = Vec::new();
    for column in valid {
        if !in_scope.contains(&column.name) {
            in_scope.push(column.name.clone());
        }
    }
    let Some(relation) = &field.relation else {
        return missing("column", &field.name, names.nearest_column(&field.name, &in_scope))
            .at(source
                .find(&field.name, |before, after| before != Some(&Token::Period) && after != Some(&Token::LParen)));
    };
    let table = relation.table();
    let is_relation = valid.iter().filter_map(|column| column.relation.as_ref()).any(|known| known.table() == table);
    if is_relation {
        return missing("column", &field.name, names.nearest_column(&field.name, &in_scope))
            .at(source.find(&field.name, |before, _| before == Some(&Token::Period)));
    }
    // `a.b` where neither a table nor a column is called `a`.
    let first = relation.catalog().or(relation.schema()).unwrap_or(table);
    // The optimizer's own name for a subquery that it could not take apart.
    if first.starts_with("__correlated_sq") {
        let message = "not supported: this subquery, whose rows depend on the row around it; write NOT EXISTS (SELECT 1 \
                       FROM … WHERE …) or EXISTS with the comparisons in WHERE";
        return Explained { message: message.to_owned(), span: None };
    }
    let mut qualifiers: Vec<String> = in_scope.clone();
    qualifiers.extend(valid.iter().filter_map(|column| column.relation.as_ref()).map(|r| r.table().to_owned()));
    let explained = match foreign_name(first) {
        Some(hint) => Explained { message: format!("no table or column named '{first}'; {hint}"), span: None },
        None => missing("table or column", first, nearest(first, &qualifiers).map(str::to_owned)),
    };
    explained.at(source.find(first, |before, after| before != Some(&Token::Period) && after == Some(&Token::Period)))
}

fn explain_syntax(error: &ParserError, source: &Source<'_>) -> Explained {
    let message = match error {
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => message.as_str(),
        ParserError::RecursionLimitExceeded => "the query is nested too deeply",
    };
    let (text, position) = split_position(message);
    let text = text.trim();
    if text.ends_with("found: EOF") {
        let expected = text.trim_end_matches("found: EOF").trim_end_matches([' ', ',']);
        let expected = expected.strip_prefix("Expected: ").unwrap_or(expected);
        return Explained {
            message: format!("the statement ends where {expected} is expected"),
            span: Some(source.end()),
        };
    }
    let span = position.map(|(line, column)| {
        source.token_at(line, column).map_or(TextSpan { line, column, width: 1 }, TextSpan::from)
    });
    let text = match text.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: ")) {
        Some((expected, found)) => format!("expected {expected}, found {found}"),
        None => lower_first(text),
    };
    Explained { message: printable(&text).into_owned(), span }
}

fn explain_plan(message: &str, names: &Names, source: &Source<'_>) -> Explained {
    if let Some(name) = between(message, "table '", "' not found") {
        let bare = name.rsplit('.').next().unwrap_or(name);
        let written = ["datafusion.public.", "datafusion."].into_iter().find_map(|prefix| name.strip_prefix(prefix));
        let suggestion = nearest(bare, &names.tables).map(str::to_owned);
        return missing("table", written.unwrap_or(name), suggestion)
            .at(source.find(bare, |_, after| after != Some(&Token::Period)));
    }
    if let Some(name) = between(message, "Invalid function '", "'") {
        let span = || source.find(name, |_, after| after == Some(&Token::LParen));
        if let Some(hint) = foreign_function(name) {
            return Explained { message: format!("{name} is not here; {hint}"), span: span() };
        }
        let suggestion = nearest(name, &names.functions).map(str::to_owned);
        return missing("function", name, suggestion).at(span());
    }
    if let Some(name) = between(message, "Field ", " not found in struct") {
        let (span, path) = source.find_member(name).unzip();
        let siblings = path.as_ref().and_then(|path| names.siblings(path)).unwrap_or_default();
        let parent = path.as_ref().and_then(|path| path.split_last()).map(|(_, parents)| parents.join("."));
        let what = parent.map_or("member".to_owned(), |parent| format!("member of {parent}"));
        return missing(&what, name, nearest(name, &siblings).map(str::to_owned)).at(span);
    }
    if let Some(reason) = between(message, "coercion failed with: ", ". No function matches") {
        let function = between(message, "Function '", "'").unwrap_or_default();
        let span = source.find(function, |_, after| after == Some(&Token::LParen));
        return Explained { message: tidy(reason), span };
    }
    if let Some(call) = between(message, "No function matches the given name and argument types '", "'") {
        let function = call.split('(').next().unwrap_or(call);
        let candidates = message.split("Candidate functions:").nth(1).unwrap_or_default();
        let candidates: Vec<&str> = candidates.split(['\n', '\t']).map(str::trim).filter(|c| !c.is_empty()).collect();
        let message = format!("{call} does not exist; there is {}", candidates.join(", "));
        let span = source.find(function, |_, after| after == Some(&Token::LParen));
        return Explained { message: shorten(&sql_types(&message)), span };
    }
    if message.contains("require unique expression names") {
        let name =
            between(message, " AS ", "\" at position").or_else(|| between(message, "expression \"", "\" at position"));
        let name = printable(name.unwrap_or_default()).into_owned();
        let message = format!("two columns of the result are the same ({name}); give one another name with AS");
        return Explained { message: shorten(&sql_types(&message)), span: None };
    }
    if let Some(column) = between(message, "column \"", "\" must appear in the GROUP BY") {
        let column = column.rsplit('.').next().unwrap_or(column);
        let message = format!("'{}' must be in GROUP BY or inside an aggregate function", printable(column));
        return Explained { message, span: None };
    }
    Explained { message: tidy(message), span: None }
}

fn explain_not_implemented(message: &str, names: &Names, source: &Source<'_>) -> Explained {
    // A path of five or more names of which none is a table or column.
    if let Some(first) = between(message, "compound identifier: [\"", "\"") {
        let columns: Vec<String> = names.columns.iter().map(|(name, _)| name.clone()).collect();
        return missing("table or column", first, nearest(first, &columns).map(str::to_owned))
            .at(source.find(first, |before, after| before != Some(&Token::Period) && after == Some(&Token::Period)));
    }
    // What the optimizer made no join of comes to the physical planner as it was.
    let is_subquery =
        ["OuterReferenceColumn", "expression ScalarSubquery(", "expression Exists(", "expression InSubquery("];
    if is_subquery.iter().any(|subquery| message.contains(subquery)) {
        let hint = "join it instead, or write filter, transform or reduce over the array";
        return Explained {
            message: format!("not supported: this subquery over columns of the row around it; {hint}"),
            span: None,
        };
    }
    if message.starts_with("FETCH clause") {
        let hint = "write rank() OVER (ORDER BY …) AS r in a subquery, and WHERE r <= n around it";
        return Explained { message: format!("not supported: FETCH … WITH TIES; {hint}"), span: None };
    }
    // What follows is the syntax tree.
    if let Some(node) = between(message, "Unsupported ast node ", " {") {
        let keyword = node.rsplit(' ').next().unwrap_or(node);
        return Explained { message: format!("not supported: {}", words(keyword)), span: None };
    }
    Explained { message: format!("not supported: {}", tidy(message)), span: None }
}

/// `MatchRecognize` as `MATCH RECOGNIZE`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(c.to_uppercase());
    }
    words
}

fn missing(what: &str, name: &str, suggestion: Option<String>) -> Explained {
    let name = printable(name);
    let message = match suggestion {
        Some(suggestion) => format!("no {what} named '{name}'; did you mean '{suggestion}'?"),
        None => format!("no {what} named '{name}'"),
    };
    Explained { message, span: None }
}

impl Explained {
    fn at(mut self, span: Option<TextSpan>) -> Self {
        self.span = span;
        self
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let rest = &text[text.find(before)? + before.len()..];
    Some(&rest[..rest.find(after)?])
}

/// Cuts ` at Line: 1, Column: 8` off a parser's message.
fn split_position(message: &str) -> (&str, Option<(usize, usize)>) {
    let Some((text, position)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let numbers = position.split_once(", Column: ").and_then(|(line, column)| {
        let digits = column.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((line.trim().parse().ok()?, digits.parse().ok()?))
    });
    (text, numbers)
}

/// Takes DataFusion's prefixes and bug-report requests off a message.
fn tidy(message: &str) -> String {
    let within = within_filter(message);
    let mut text = within.as_deref().unwrap_or(message).trim();
    let prefixes = [
        "Error during planning: ",
        "Execution error: ",
        "External error: ",
        "Arrow error: ",
        "Schema error: ",
        "Parser error: ",
        "Cast error: ",
        "Csv error: ",
        "Internal error: ",
        "Optimizer rule 'simplify_expressions' failed\ncaused by\n",
        "type_coercion\ncaused by\n",
    ];
    while let Some(rest) = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        text = rest.trim_start();
    }
    let text = text.split("\n\nbacktrace:").next().unwrap_or(text);
    shorten(&printable(&sql_types(&lower_first(text).replace('\n', " "))))
}

/// The message inside of what DataFusion says of a filter that failed in a Parquet file: the error as Rust's `Debug`
/// prints it.
fn within_filter(message: &str) -> Option<String> {
    let (_, error) = message.split_once("Error evaluating filter predicate: ")?;
    let quoted = &error[error.find('"')?..];
    serde_json::Deserializer::from_str(quoted).into_iter::<String>().next()?.ok()
}

/// Spells Arrow's commonest types as SQL has them.
fn sql_types(text: &str) -> String {
    let names = [
        ("Utf8View", "text"),
        ("LargeUtf8", "text"),
        ("Utf8", "text"),
        ("UInt64", "bigint"),
        ("Int64", "bigint"),
        ("Float64", "double"),
    ];
    names.into_iter().fold(text.to_owned(), |text, (arrow, sql)| text.replace(arrow, sql))
}

/// Cuts messages that list whole schemas.
fn shorten(text: &str) -> String {
    if text.chars().count() <= MESSAGE_CHARS {
        return text.to_owned();
    }
    text.chars().take(MESSAGE_CHARS).chain(['…']).collect()
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        // Leaves names such as `SUM` alone.
        (Some(first), Some(second)) if first.is_uppercase() && !second.is_uppercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

fn excerpt(place: &Option<Place>) -> String {
    place.as_ref().map(|place| format!("\n{place}")).unwrap_or_default()
}
