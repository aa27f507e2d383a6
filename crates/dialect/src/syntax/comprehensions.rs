//! DuckDB's `[f(x) FOR x IN list IF g(x)]`, by the functions with lambdas.
//!
//! See <https://duckdb.org/docs/stable/sql/functions/list#list-comprehension>.

use datafusion::sql::sqlparser::ast::{Expr, Ident};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::calls::{call, lambda};
use super::grammar::is_keyword;

/// Reads such a list, if it begins here; others are left to the parser.
pub(super) fn parse(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    is_next(parser).then(|| comprehension(parser))
}

/// Says whether the bracket that opens here has a `FOR` of its own.
fn is_next(parser: &Parser<'_>) -> bool {
    let mut depth = 0_usize;
    for at in 0.. {
        match parser.peek_nth_token_ref(at).token {
            Token::LBracket | Token::LParen | Token::LBrace => depth += 1,
            Token::RBracket | Token::RParen | Token::RBrace if depth <= 1 => return false,
            Token::RBracket | Token::RParen | Token::RBrace => depth -= 1,
            Token::EOF | Token::SemiColon => return false,
            // A comma of this list itself.
            Token::Comma if depth == 1 => return false,
            _ if depth == 1 && is_keyword(parser, at, Keyword::FOR) => return true,
            _ => {}
        }
    }
    false
}

fn comprehension(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.expect_token(&Token::LBracket)?;
    let element = parser.parse_expr()?;
    parser.expect_keyword(Keyword::FOR)?;
    let Ident { value: name, .. } = parser.parse_identifier()?;
    parser.expect_keyword(Keyword::IN)?;
    let mut list = parser.parse_expr()?;
    if parser.parse_keyword(Keyword::IF) {
        list = call("array_filter", vec![list, lambda(&name, parser.parse_expr()?)]);
    }
    parser.expect_token(&Token::RBracket)?;
    Ok(call("array_transform", vec![list, lambda(&name, element)]))
}
