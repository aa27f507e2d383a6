//! `x = ANY (VALUES 'a', 'b')`, `x > ALL (…)` and `SOME`, read by the parser as the comparisons that they stand for.
//!
//! See "Quantified comparison predicates" in Trino's documentation
//! (<https://trino.io/docs/current/functions/comparison.html>).

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Query, SetExpr, Value};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::calls::{binary, parenthesized};
use super::grammar::is_keyword;

/// Reads such a comparison of a subquery, if its operator is next.
pub(super) fn parse(parser: &mut Parser<'_>, left: &Expr) -> Option<Result<Expr, ParserError>> {
    let op = match parser.peek_token_ref().token {
        Token::Eq | Token::DoubleEq => BinaryOperator::Eq,
        Token::Neq => BinaryOperator::NotEq,
        Token::Lt => BinaryOperator::Lt,
        Token::LtEq => BinaryOperator::LtEq,
        Token::Gt => BinaryOperator::Gt,
        Token::GtEq => BinaryOperator::GtEq,
        _ => return None,
    };
    let is_quantified = [Keyword::ANY, Keyword::SOME, Keyword::ALL].iter().any(|word| is_keyword(parser, 1, *word));
    let begins_query =
        [Keyword::SELECT, Keyword::WITH, Keyword::VALUES].iter().any(|word| is_keyword(parser, 3, *word));
    let has_query = parser.peek_nth_token_ref(2).token == Token::LParen && begins_query;
    (is_quantified && has_query).then(|| comparison(parser, left, op))
}

fn comparison(parser: &mut Parser<'_>, left: &Expr, op: BinaryOperator) -> Result<Expr, ParserError> {
    parser.next_token();
    let quantifier = parser.expect_one_of_keywords(&[Keyword::ANY, Keyword::SOME, Keyword::ALL])?;
    parser.expect_token(&Token::LParen)?;
    let query = parser.parse_query()?;
    parser.expect_token(&Token::RParen)?;
    let is_all = quantifier == Keyword::ALL;
    if let Some(values) = values(&query) {
        return Ok(with_each(left, op, values, is_all));
    }
    let expr = Box::new(left.clone());
    Ok(match (is_all, &op) {
        (false, BinaryOperator::Eq) => Expr::InSubquery { expr, subquery: query, negated: false },
        (true, BinaryOperator::NotEq) => Expr::InSubquery { expr, subquery: query, negated: true },
        (true, _) => Expr::AllOp { left: expr, compare_op: op, right: Box::new(Expr::Subquery(query)) },
        (false, _) => {
            let is_some = quantifier == Keyword::SOME;
            Expr::AnyOp { left: expr, compare_op: op, right: Box::new(Expr::Subquery(query)), is_some }
        }
    })
}

/// The values of a query that is nothing but one column of them.
fn values(query: &Query) -> Option<Vec<Expr>> {
    let is_plain = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
    let SetExpr::Values(values) = query.body.as_ref() else { return None };
    let only = |row: &[Expr]| match row {
        [value] => Some(value.clone()),
        _ => None,
    };
    is_plain.then(|| values.rows.iter().map(|row| only(&row.content)).collect())?
}

fn with_each(left: &Expr, op: BinaryOperator, values: Vec<Expr>, is_all: bool) -> Expr {
    let expr = || Box::new(left.clone());
    match (is_all, &op) {
        (false, BinaryOperator::Eq) => return Expr::InList { expr: expr(), list: values, negated: false },
        (true, BinaryOperator::NotEq) => return Expr::InList { expr: expr(), list: values, negated: true },
        _ => {}
    }
    let joined_by = if is_all { BinaryOperator::And } else { BinaryOperator::Or };
    let each = values.into_iter().map(|value| parenthesized(binary(left, op.clone(), &value)));
    let joined = each.reduce(|all, one| binary(&all, joined_by.clone(), &one));
    joined.map_or_else(|| Expr::Value(Value::Boolean(is_all).into()), parenthesized)
}
