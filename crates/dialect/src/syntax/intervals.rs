//! `INTERVAL (n) DAY`, `INTERVAL n HOURS` and `INTERVAL 2 QUARTERS`, read by the parser as calls: DataFusion takes
//! literals alone, and not of every unit.
//!
//! See <https://duckdb.org/docs/stable/sql/data_types/interval>.

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, Precedence};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::TrinoDialect;
use super::calls::{call, text};

/// Units that may stand behind `INTERVAL x`, with their plurals.
const UNITS: &[&str] = &[
    "microsecond",
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "decade",
    "century",
    "millennium",
];

/// Reads such an interval, if it begins here; others are left to the parser.
pub(super) fn parse(parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
    let is_counted = match &parser.peek_nth_token_ref(1).token {
        Token::LParen => true,
        Token::Word(word) => word.quote_style.is_some() || parser.peek_nth_token_ref(2).token != Token::LParen,
        // Only the parser's own units.
        Token::Number(..) | Token::SingleQuotedString(_) => {
            matches!(unit_at(parser, 2), Some("quarter" | "decade" | "century" | "millennium"))
        }
        _ => false,
    };
    if !is_counted {
        return None;
    }
    // Not one where no unit is behind it, as `interval` may be a column.
    parser.maybe_parse(counted).transpose()
}

fn counted(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    parser.next_token();
    let count = parser.parse_subexpr(TrinoDialect.prec_value(Precedence::Period))?;
    let Some(unit) = unit_at(parser, 0) else { return parser.expected("a unit of time", parser.peek_token()) };
    parser.next_token();
    Ok(call("interval_of", vec![count, text(unit)]))
}

fn unit_at(parser: &Parser<'_>, at: usize) -> Option<&'static str> {
    let Token::Word(word) = &parser.peek_nth_token_ref(at).token else { return None };
    let name = word.value.to_ascii_lowercase();
    let plural = |unit: &str| match unit {
        "century" => "centuries".to_owned(),
        "millennium" => "millennia".to_owned(),
        unit => format!("{unit}s"),
    };
    UNITS.iter().find(|unit| name == **unit || name == plural(unit)).copied()
}
