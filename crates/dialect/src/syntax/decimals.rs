//! Numbers with a point are exact decimals in Trino, whose arithmetic rounds in its own way: `100.0 * 1 / 3` is `33.3`.
//!
//! Such a number becomes `decimal_literal(number, digits behind the point)` where it is added, multiplied or divided;
//! the plan settles the rest once the types are known. DuckDB divides to `double`, so queries of Tailpipe's table keep
//! their numbers.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, DataType, Expr, UnaryOperator, Value, VisitMut, VisitorMut};

use super::calls::{call, text};
use super::tailpipe::reads_tailpipes;

/// The function that marks a decimal.
pub(crate) const DECIMAL_LITERAL: &str = "decimal_literal";

/// Marks the decimals that are calculated with.
pub(super) fn mark_decimals<T: VisitMut>(node: &mut T) {
    if !reads_tailpipes(node) {
        let _ = node.visit(&mut Decimals);
    }
}

struct Decimals;

impl VisitorMut for Decimals {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        use BinaryOperator::{Divide, Minus, Multiply, Plus};
        match expr {
            Expr::BinaryOp { left, op: Plus | Minus | Multiply | Divide, right } => {
                mark(left);
                mark(right);
            }
            Expr::Cast { expr, data_type: DataType::Decimal(_) | DataType::Numeric(_), .. } => keep_digits(expr),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// The nearest double of `1.005` is below it; its text is exact.
fn keep_digits(cast: &mut Expr) {
    if let Expr::Value(literal) = cast
        && let Value::Number(number, _) = &literal.value
    {
        *cast = text(number);
    }
}

fn mark(operand: &mut Expr) {
    match operand {
        Expr::Nested(inner) | Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => mark(inner),
        Expr::Value(literal) => {
            let Value::Number(number, _) = &literal.value else { return };
            let Some((_, fraction)) = number.split_once('.') else { return };
            if fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                let digits = Value::Number(fraction.len().to_string(), false).with_empty_span();
                *operand = call(DECIMAL_LITERAL, vec![operand.clone(), Expr::Value(digits)]);
            }
        }
        _ => {}
    }
}
