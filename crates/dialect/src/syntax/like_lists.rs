//! `x LIKE ANY ('a%', 'b%')` and `LIKE ALL`, read by the parser as one `LIKE` for each pattern.
//!
//! Snowflake and Spark have them; see <https://docs.snowflake.com/en/sql-reference/functions/like_any>.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value, ValueWithSpan};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::calls::{binary, parenthesized};
use super::grammar::is_keyword;

/// Reads such a comparison, if it is next.
pub(super) fn parse(parser: &mut Parser<'_>, left: &Expr) -> Option<Result<Expr, ParserError>> {
    let negated = is_keyword(parser, 0, Keyword::NOT);
    let at = usize::from(negated);
    let is_like = [Keyword::LIKE, Keyword::ILIKE].iter().any(|word| is_keyword(parser, at, *word));
    let is_list = [Keyword::ANY, Keyword::SOME, Keyword::ALL].iter().any(|word| is_keyword(parser, at + 1, *word))
        && parser.peek_nth_token_ref(at + 2).token == Token::LParen;
    (is_like && is_list).then(|| comparison(parser, left, negated))
}

fn comparison(parser: &mut Parser<'_>, left: &Expr, negated: bool) -> Result<Expr, ParserError> {
    if negated {
        parser.next_token();
    }
    let is_caseless = parser.expect_one_of_keywords(&[Keyword::LIKE, Keyword::ILIKE])? == Keyword::ILIKE;
    let is_all = parser.expect_one_of_keywords(&[Keyword::ANY, Keyword::SOME, Keyword::ALL])? == Keyword::ALL;
    if negated && !is_all {
        let message = "NOT LIKE ANY is read in two ways; write NOT LIKE ALL (…) for what fits none of the patterns";
        return Err(ParserError::ParserError(message.to_owned()));
    }
    let patterns = patterns(parser)?;
    let escape = if parser.parse_keyword(Keyword::ESCAPE) { Some(parser.parse_value()?) } else { None };
    let one = |pattern| parenthesized(like(left, pattern, escape.clone(), is_caseless, negated));
    let joined_by = if is_all { BinaryOperator::And } else { BinaryOperator::Or };
    let all = patterns.into_iter().map(one).reduce(|all, one| binary(&all, joined_by.clone(), &one));
    Ok(parenthesized(all.unwrap_or_else(|| Expr::Value(Value::Boolean(is_all).into()))))
}

/// The patterns in parentheses, or of an array there.
fn patterns(parser: &mut Parser<'_>) -> Result<Vec<Expr>, ParserError> {
    parser.expect_token(&Token::LParen)?;
    if [Keyword::SELECT, Keyword::WITH].iter().any(|word| is_keyword(parser, 0, *word)) {
        let message = "LIKE ANY and LIKE ALL take a list of patterns; for those of a query write EXISTS (SELECT 1 \
                       FROM … WHERE x LIKE pattern)";
        return Err(ParserError::ParserError(message.to_owned()));
    }
    let mut patterns = parser.parse_comma_separated(Parser::parse_expr)?;
    parser.expect_token(&Token::RParen)?;
    match patterns.as_mut_slice() {
        [Expr::Array(array)] => Ok(std::mem::take(&mut array.elem)),
        _ => Ok(patterns),
    }
}

fn like(left: &Expr, pattern: Expr, escape_char: Option<ValueWithSpan>, is_caseless: bool, negated: bool) -> Expr {
    let (expr, pattern, any) = (Box::new(left.clone()), Box::new(pattern), false);
    match is_caseless {
        true => Expr::ILike { negated, any, expr, pattern, escape_char },
        false => Expr::Like { negated, any, expr, pattern, escape_char },
    }
}
