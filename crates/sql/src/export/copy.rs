//! `COPY … TO '…'` in the spellings of DuckDB, PostgreSQL and DataFusion, and Athena's `UNLOAD`.
//!
//! ```text
//! COPY (query) | table TO 'place' (FORMAT csv, HEADER false, PARTITION_BY (region, date), …)
//! COPY (query) | table TO 'place' STORED AS csv PARTITIONED BY (region) OPTIONS (header false, …)
//! UNLOAD (query) TO 'folder' WITH (format = 'PARQUET', partitioned_by = ARRAY['region'])
//! ```

use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};
use trailql_dialect::TrinoDialect;
use trailql_export::{Compression, Place};

use super::ExportOptions;
use crate::error::SqlError;
use crate::format::Format;

/// What separates the fields of Hive's text files.
const HIVE_SEPARATOR: u8 = 1;

const KNOWN_OPTIONS: &str = "FORMAT, HEADER, DELIMITER, NULL, COMPRESSION, PARTITION_BY, OVERWRITE and VERBATIM";

/// A statement that writes a result somewhere.
pub(crate) struct Copy {
    /// The query's text, with blanks ahead of it so that its places are those in the statement.
    pub(crate) query: String,
    /// Where to.
    pub(crate) place: Place,
    /// How.
    pub(crate) options: ExportOptions,
}

impl Copy {
    /// Reads such a statement; `None` for every other.
    pub(crate) fn parse(text: &str) -> Option<Result<Self, SqlError>> {
        let mut tokens = Tokens::new(text)?;
        if tokens.take_word("COPY") {
            Some(tokens.copy())
        } else if tokens.take_word("UNLOAD") {
            Some(tokens.unload())
        } else {
            None
        }
    }
}

/// One option as written: its name in upper case and its values.
struct Choice {
    name: String,
    values: Vec<String>,
}

/// The statement's tokens without blanks, with the bytes that they are at.
struct Tokens<'a> {
    text: &'a str,
    tokens: Vec<(Token, usize, usize)>,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Option<Self> {
        let first = text.split(|c: char| !c.is_alphanumeric()).next()?;
        if !first.eq_ignore_ascii_case("COPY") && !first.eq_ignore_ascii_case("UNLOAD") {
            return None;
        }
        let tokens = Tokenizer::new(&TrinoDialect, text).tokenize_with_location().ok()?;
        let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let offset = |place: Location| {
            let start = starts.get((place.line as usize).saturating_sub(1)).copied().unwrap_or(text.len());
            let rest = &text[start..];
            start + rest.char_indices().nth((place.column as usize).saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
        };
        let tokens = tokens
            .into_iter()
            .filter(|token| !matches!(token.token, Token::Whitespace(_)))
            .map(|token| (token.token, offset(token.span.start), offset(token.span.end)))
            .collect();
        Some(Self { text, tokens, at: 0 })
    }

    fn copy(mut self) -> Result<Copy, SqlError> {
        let query = match self.query() {
            Some(query) => query,
            None => format!("SELECT * FROM {}", self.relation()?),
        };
        let place = self.place()?;
        let mut choices = Vec::new();
        loop {
            if self.take_word("STORED") && self.take_word("AS") {
                choices.push(Choice { name: "FORMAT".to_owned(), values: vec![self.value()?] });
            } else if self.take_word("PARTITIONED") && self.take_word("BY") {
                choices.push(Choice { name: "PARTITION_BY".to_owned(), values: self.list()? });
            } else if self.take_word("OPTIONS") || self.take_word("WITH") || self.peek() == Some(&Token::LParen) {
                choices.extend(self.choices()?);
            } else {
                break;
            }
        }
        self.end()?;
        let options = options(&place, choices)?;
        Ok(Copy { query, place, options })
    }

    /// Athena writes into folders, JSON line by line, and text as Hive does.
    fn unload(mut self) -> Result<Copy, SqlError> {
        let query = self.query().ok_or_else(|| wrong("UNLOAD is followed by a query in parentheses"))?;
        let place = self.place()?.join("");
        let mut choices = if self.take_word("WITH") { self.choices()? } else { Vec::new() };
        self.end()?;
        let format = match choices.iter().position(|choice| choice.name == "FORMAT") {
            Some(at) => choices.remove(at).values.concat().to_uppercase(),
            None => "PARQUET".to_owned(),
        };
        let mut format = match format.as_str() {
            "PARQUET" => ExportOptions::new(Format::Parquet),
            "JSON" => ExportOptions::new(Format::Jsonl),
            "TEXTFILE" => ExportOptions::new(Format::Csv),
            other => {
                return Err(wrong(&format!("UNLOAD writes PARQUET, JSON and TEXTFILE here, and not {other}")));
            }
        };
        if format.format == Format::Csv {
            format.format_options.csv_separator = Some(HIVE_SEPARATOR);
            format.format_options.no_header = true;
        }
        choices.retain(|choice| choice.name != "COMPRESSION_LEVEL");
        Ok(Copy { query, place, options: chosen(format, choices)? })
    }

    /// Takes `(query)`.
    fn query(&mut self) -> Option<String> {
        let (Token::LParen, _, start) = self.tokens.get(self.at)? else { return None };
        let start = *start;
        let mut depth = 0_usize;
        for (index, (token, end, _)) in self.tokens.iter().enumerate().skip(self.at) {
            match token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.at = index + 1;
                let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
                let ahead: String = self.text[..start].chars().map(blank).collect();
                return Some(ahead + &self.text[start..*end]);
            }
        }
        None
    }

    fn relation(&mut self) -> Result<&'a str, SqlError> {
        let start = self.tokens.get(self.at).map_or(self.text.len(), |(_, start, _)| *start);
        let mut end = start;
        while let Some((token, _, token_end)) = self.tokens.get(self.at)
            && !is_word(token, "TO")
        {
            end = *token_end;
            self.at += 1;
        }
        if end == start {
            Err(wrong("COPY is followed by a query in parentheses, or a table"))
        } else {
            Ok(&self.text[start..end])
        }
    }

    fn place(&mut self) -> Result<Place, SqlError> {
        if !self.take_word("TO") {
            return Err(wrong("TO 'file' is missing: a path or an s3:// URL in single quotes"));
        }
        match self.next() {
            Some(Token::SingleQuotedString(text)) if !text.is_empty() => Ok(Place::parse(&text)?),
            _ => Err(wrong("TO is followed by a path or an s3:// URL in single quotes")),
        }
    }

    /// Takes `(name value, name = value, name (value, …), name)`.
    fn choices(&mut self) -> Result<Vec<Choice>, SqlError> {
        if self.next() != Some(Token::LParen) {
            return Err(wrong("options are written in parentheses: (FORMAT csv, HEADER false)"));
        }
        let mut choices = Vec::new();
        while self.peek() != Some(&Token::RParen) {
            let name = self.value()?.to_uppercase();
            let name = name.strip_prefix("FORMAT.").unwrap_or(&name).to_owned();
            if self.peek() == Some(&Token::Eq) {
                self.at += 1;
            }
            let values = match self.peek() {
                Some(Token::Comma | Token::RParen) => vec!["true".to_owned()],
                Some(Token::LParen) => self.list()?,
                Some(token) if is_word(token, "ARRAY") => {
                    self.at += 1;
                    self.list()?
                }
                _ => vec![self.value()?],
            };
            choices.push(Choice { name, values });
            if self.peek() == Some(&Token::Comma) {
                self.at += 1;
            }
        }
        self.at += 1;
        Ok(choices)
    }

    /// Takes `(a, b)` or `[a, b]`.
    fn list(&mut self) -> Result<Vec<String>, SqlError> {
        let close = match self.next() {
            Some(Token::LParen) => Token::RParen,
            Some(Token::LBracket) => Token::RBracket,
            _ => return Err(wrong("columns are written in parentheses: PARTITION_BY (region, date)")),
        };
        let mut values = vec![self.value()?];
        loop {
            match self.next() {
                Some(Token::Comma) => values.push(self.value()?),
                Some(token) if token == close => return Ok(values),
                _ => return Err(wrong("a list of columns has no end")),
            }
        }
    }

    fn value(&mut self) -> Result<String, SqlError> {
        match self.next() {
            Some(Token::Word(word)) => {
                let mut text = word.value;
                while self.peek() == Some(&Token::Period) {
                    self.at += 1;
                    text = format!("{text}.{}", self.value()?);
                }
                Ok(text)
            }
            Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) | Token::Number(text, _)) => {
                Ok(text)
            }
            Some(other) => Err(wrong(&format!("an option or its value cannot be {other}"))),
            None => Err(wrong("the statement ends within its options")),
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, ..)| token)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.at += 1;
        token
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.peek().is_some_and(|token| is_word(token, word));
        self.at += usize::from(is_next);
        is_next
    }

    fn end(&self) -> Result<(), SqlError> {
        match self.peek() {
            None => Ok(()),
            Some(token) => Err(wrong(&format!("{token} is not expected here; options are {KNOWN_OPTIONS}"))),
        }
    }
}

fn is_word(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

fn wrong(message: &str) -> SqlError {
    SqlError::Export { message: message.to_owned() }
}

/// Finds the format, from the options or the place's name, and takes the other options.
fn options(place: &Place, mut choices: Vec<Choice>) -> Result<ExportOptions, SqlError> {
    let name = place.file_name();
    let format = match choices.iter().position(|choice| choice.name == "FORMAT") {
        Some(at) => choices.remove(at).values.concat().parse::<Format>().map_err(|error| wrong(&error.to_string()))?,
        None => Format::of_file_name(&name)
            .filter(|_| !place.is_folder())
            .ok_or_else(|| wrong(&format!("{place} does not say in which format; add (FORMAT csv) or another")))?,
    };
    let mut options = ExportOptions::new(format);
    if !place.is_folder() {
        options.compression = Compression::of_name(&name);
    }
    chosen(options, choices)
}

fn chosen(mut options: ExportOptions, choices: Vec<Choice>) -> Result<ExportOptions, SqlError> {
    for Choice { name, values } in choices {
        let value = values.concat();
        match name.as_str() {
            "HEADER" | "HAS_HEADER" => options.format_options.no_header = !truth(&name, &value)?,
            "DELIMITER" | "DELIM" | "SEP" | "FIELD_DELIMITER" => {
                options.format_options.csv_separator = Some(separator(&value)?);
            }
            "NULL" | "NULLSTR" | "NULL_VALUE" => options.format_options.null_text = value,
            "COMPRESSION" => options.compress(&value).map_err(|error| wrong(&error))?,
            "PARTITION_BY" | "PARTITIONED_BY" => options.partition_by = values,
            "OVERWRITE" | "OVERWRITE_OR_IGNORE" => options.overwrite = truth(&name, &value)?,
            "VERBATIM" => options.format_options.csv_verbatim = truth(&name, &value)?,
            _ => return Err(wrong(&format!("COPY has no option {name}; there are {KNOWN_OPTIONS}"))),
        }
    }
    Ok(options)
}

fn truth(name: &str, value: &str) -> Result<bool, SqlError> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "on" => Ok(true),
        "false" | "0" | "off" => Ok(false),
        _ => Err(wrong(&format!("{name} is true or false, and not '{value}'"))),
    }
}

fn separator(value: &str) -> Result<u8, SqlError> {
    match value.as_bytes() {
        [byte @ (b'\t' | 1..=8 | b' '..=b'~')] if !byte.is_ascii_alphanumeric() && *byte != b'"' => Ok(*byte),
        _ => Err(wrong(&format!(
            "DELIMITER is one ASCII character, neither a quote nor a letter nor a digit, and not '{value}'"
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(text: &str) -> Copy {
        Copy::parse(text).unwrap().unwrap()
    }

    fn error(text: &str) -> String {
        Copy::parse(text).unwrap().map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn reads_every_spelling() {
        for text in [
            "COPY (SELECT ')' AS a FROM t) TO 'out' (FORMAT csv, HEADER false, PARTITION_BY (a, b), NULL 'x')",
            "copy (SELECT ')' AS a FROM t) to 'out' with (format 'csv', header off, partition_by (a, \"b\"), nullstr 'x')",
            "COPY (SELECT ')' AS a FROM t) TO 'out' STORED AS CSV PARTITIONED BY (a, b) OPTIONS ('format.has_header' false, null 'x')",
        ] {
            let Copy { query, place, options } = parse(text);
            assert_eq!(query, format!("      {}", "SELECT ')' AS a FROM t"), "{text}");
            assert_eq!((place.to_string().as_str(), options.format), ("out", Format::Csv), "{text}");
            assert_eq!(options.partition_by, ["a", "b"], "{text}");
            assert!(options.format_options.no_header && options.format_options.null_text == "x", "{text}");
        }
        assert_eq!(parse("COPY db.t TO 's3://bucket/x.csv.gz'").query, "SELECT * FROM db.t");
        assert!(Copy::parse("SELECT copy FROM t").is_none());
    }

    #[test]
    fn names_tell_format_and_compression() {
        let options = parse("COPY t TO 'a/out.csv.zst'").options;
        assert_eq!((options.format, options.compression), (Format::Csv, Compression::Zstd));
        assert_eq!(parse("COPY t TO 'out.parquet' (COMPRESSION snappy)").options.compression, Compression::None);
        assert!(error("COPY t TO 'out'").contains("in which format"));
        assert!(error("COPY t TO 'out.parquet' (COMPRESSION gzip)").contains("zstd, snappy or none"));
    }

    #[test]
    fn unload_writes_into_a_folder() {
        let copy = parse(
            "UNLOAD (SELECT 1 AS a) TO 's3://bucket/out' WITH (format = 'TEXTFILE', field_delimiter = ',', compression = 'gzip', partitioned_by = ARRAY['a'])",
        );
        assert_eq!(copy.place.to_string(), "s3://bucket/out/");
        assert_eq!(
            (copy.options.format_options.csv_separator, copy.options.compression),
            (Some(b','), Compression::Gzip)
        );
        assert_eq!(parse("UNLOAD (SELECT 1) TO 'out'").options.format, Format::Parquet);
        assert!(error("UNLOAD (SELECT 1) TO 'out' WITH (format = 'ORC')").contains("not ORC"));
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(error("COPY t").contains("TO 'file' is missing"));
        assert!(error("COPY t TO out").contains("in single quotes"));
        assert!(error("COPY t TO 'out.csv' (QUOTE 'x')").contains("no option QUOTE"));
        assert!(error("COPY t TO 'out.csv' (HEADER maybe)").contains("true or false"));
        assert!(error("COPY t TO 'out.csv' (DELIMITER ',,')").contains("one ASCII character"));
        assert!(error("COPY t TO 'out.csv' nonsense").contains("nonsense is not expected"));
    }
}
