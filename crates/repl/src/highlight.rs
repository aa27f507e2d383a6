//! Colours for SQL as it is typed, by a lexer that takes unfinished text as it comes.

use std::borrow::Cow;

use crate::completion::{KEYWORDS, is_name_char};

const KEYWORD_STYLE: &str = "\x1b[1;34m";
const TEXT_STYLE: &str = "\x1b[32m";
const NUMBER_STYLE: &str = "\x1b[33m";
const COMMENT_STYLE: &str = "\x1b[90m";
const COMMAND_STYLE: &str = "\x1b[1;36m";
const RESET: &str = "\x1b[0m";

/// A kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lexeme {
    Word,
    Number,
    Text,
    QuotedName,
    Comment,
    Other,
}

/// Cuts a line into tokens that together are the line.
pub(crate) fn lex(line: &str) -> Vec<(Lexeme, &str)> {
    let mut tokens = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (lexeme, length) = match first {
            '\'' => (Lexeme::Text, quoted(rest, '\'')),
            '"' => (Lexeme::QuotedName, quoted(rest, '"')),
            '-' if rest.starts_with("--") => (Lexeme::Comment, rest.find('\n').map_or(rest.len(), |at| at + 1)),
            '/' if rest.starts_with("/*") => (Lexeme::Comment, rest.find("*/").map_or(rest.len(), |at| at + 2)),
            c if c.is_ascii_digit() => (Lexeme::Number, span(rest, |c| c.is_ascii_digit() || c == '.')),
            c if is_name_char(c) => (Lexeme::Word, span(rest, is_name_char)),
            c => (Lexeme::Other, c.len_utf8()),
        };
        let (token, after) = rest.split_at(length);
        tokens.push((lexeme, token));
        rest = after;
    }
    tokens
}

/// Returns the line with colours.
pub(crate) fn highlight(line: &str) -> Cow<'_, str> {
    if line.starts_with('\\') {
        return Cow::Owned(format!("{COMMAND_STYLE}{line}{RESET}"));
    }
    let mut out = String::with_capacity(line.len() + 32);
    for (lexeme, token) in lex(line) {
        match style(lexeme, token) {
            Some(style) => {
                out.push_str(style);
                out.push_str(token);
                out.push_str(RESET);
            }
            None => out.push_str(token),
        }
    }
    Cow::Owned(out)
}

fn style(lexeme: Lexeme, token: &str) -> Option<&'static str> {
    match lexeme {
        Lexeme::Word if KEYWORDS.iter().any(|word| word.eq_ignore_ascii_case(token)) => Some(KEYWORD_STYLE),
        Lexeme::Text => Some(TEXT_STYLE),
        Lexeme::Number => Some(NUMBER_STYLE),
        Lexeme::Comment => Some(COMMENT_STYLE),
        Lexeme::Word | Lexeme::QuotedName | Lexeme::Other => None,
    }
}

fn quoted(rest: &str, quote: char) -> usize {
    rest[1..].find(quote).map_or(rest.len(), |at| at + 2)
}

fn span(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c: char| !belongs(c)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loses_nothing() {
        let line = "select 'a''b', \"c\", 1.5 -- x\n/* open ü";
        assert_eq!(lex(line).into_iter().map(|(_, token)| token).collect::<String>(), line);
    }

    #[test]
    fn colours_keywords_in_any_case() {
        assert_eq!(highlight("SELECT x"), "\x1b[1;34mSELECT\x1b[0m x");
    }
}
