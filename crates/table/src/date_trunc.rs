//! What a comparison of `date_trunc(unit, eventtime)` says about `eventtime` itself, whose statistics prune.
//!
//! A time lies in the unit that begins with its truncation: `date_trunc(u, t) <= t < date_trunc(u, t) + length(u)`.

use datafusion::common::Column;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, and, binary_expr, lit};
use datafusion::scalar::ScalarValue;

use crate::lake_file::MICROS_PER_DAY;

/// Widens a filter, for pruning: what passes `filter` passes the result.
///
/// Only below `AND` and `OR`; under anything else (`NOT`, say) wider would not be weaker.
pub(crate) fn widen_truncated_times(filter: Expr) -> Expr {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            binary_expr(widen_truncated_times(*left), op, widen_truncated_times(*right))
        }
        Expr::BinaryExpr(comparison) => widened(&comparison).unwrap_or(Expr::BinaryExpr(comparison)),
        other => other,
    }
}

fn widened(comparison: &BinaryExpr) -> Option<Expr> {
    let (truncated, op, bound) = match comparison.left.as_ref() {
        Expr::Literal(..) => (&comparison.right, comparison.op.swap()?, &comparison.left),
        _ => (&comparison.left, comparison.op, &comparison.right),
    };
    let (unit_micros, time) = truncated_event_time(truncated)?;
    let Expr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), zone), _) = bound.as_ref() else { return None };
    let at = |micros: i64| lit(ScalarValue::TimestampMicrosecond(Some(micros), zone.clone()));
    let not_before = || time.clone().gt_eq(at(*micros));
    let before_end = || time.clone().lt(at(micros.saturating_add(unit_micros)));
    match op {
        Operator::Eq => Some(and(not_before(), before_end())),
        Operator::Gt | Operator::GtEq => Some(not_before()),
        Operator::Lt | Operator::LtEq => Some(before_end()),
        _ => None,
    }
}

/// The longest that the unit of `date_trunc(unit, eventtime)` can be, and the column.
fn truncated_event_time(expr: &Expr) -> Option<(i64, &Expr)> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return None };
    let [Expr::Literal(unit, _), time @ Expr::Column(Column { name, .. })] = args.as_slice() else { return None };
    if func.name() != "date_trunc" || name != "eventtime" {
        return None;
    }
    let micros = match unit.try_as_str()??.to_ascii_lowercase().as_str() {
        "microsecond" => 1,
        "millisecond" => 1_000,
        "second" => 1_000_000,
        "minute" => 60_000_000,
        "hour" => MICROS_PER_DAY / 24,
        "day" => MICROS_PER_DAY,
        "week" => 7 * MICROS_PER_DAY,
        "month" => 31 * MICROS_PER_DAY,
        "quarter" => 92 * MICROS_PER_DAY,
        "year" => 366 * MICROS_PER_DAY,
        _ => return None,
    };
    Some((micros, time))
}
