//! DuckDB's `name GLOB 'Put*'`, read by the parser as a regular expression.
//!
//! See <https://duckdb.org/docs/stable/sql/functions/pattern_matching>.

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::calls::{call, text};

/// Says whether such a comparison is next.
pub(super) fn is_next(parser: &Parser<'_>) -> bool {
    let Token::Word(word) = &parser.peek_token_ref().token else { return false };
    let has_pattern = matches!(parser.peek_nth_token_ref(1).token, Token::SingleQuotedString(_));
    word.quote_style.is_none() && word.value.eq_ignore_ascii_case("glob") && has_pattern
}

/// Reads such a comparison, if it is next.
pub(super) fn parse(parser: &mut Parser<'_>, left: &Expr) -> Option<Result<Expr, ParserError>> {
    if !is_next(parser) {
        return None;
    }
    parser.next_token();
    let pattern = parser.parse_literal_string();
    Some(pattern.map(|pattern| call("regexp_like", vec![left.clone(), text(&regular(&pattern))])))
}

/// Spells a pattern with `*`, `?` and `[a-z]` as a regular expression of the whole text.
fn regular(glob: &str) -> String {
    let mut out = String::from(r"(?s)\A");
    let mut rest = glob;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '[' => match rest.split_once(']') {
                Some((set, behind)) if !set.is_empty() => {
                    out.push_str(&class(set));
                    rest = behind;
                }
                _ => out.push_str(r"\["),
            },
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out + r"\z"
}

fn class(set: &str) -> String {
    let (caret, set) = set.strip_prefix('!').map_or(("", set), |set| ("^", set));
    let set = set.replace('\\', r"\\").replace('[', r"\[").replace('^', r"\^").replace('&', r"\&");
    format!("[{caret}{set}]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_patterns() {
        assert_eq!(regular("Put*"), r"(?s)\APut.*\z");
        assert_eq!(regular("a.b?[!x-z]"), r"(?s)\Aa\.b.[^x-z]\z");
        assert_eq!(regular("[]["), r"(?s)\A\[\]\[\z");
        assert_eq!(regular(""), r"(?s)\A\z");
    }
}
