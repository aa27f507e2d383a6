//! Intervals compare by their length: a day and 12 hours are 36 hours.
//!
//! DataFusion compares months, days and hours one after the other, and takes the days between two dates for a number.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, binary_expr, lit};

use super::has_type;
use crate::datetime::{MILLIS_PER_DAY, SPAN_ORDER};
use crate::functions;

/// Plans the comparison of an interval with another, or with the difference of two dates.
pub(super) fn compare(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Option<Expr> {
    if !is_interval(left, schema) && !is_interval(right, schema) {
        return None;
    }
    Some(binary_expr(millis(left, schema)?, op, millis(right, schema)?))
}

fn is_interval(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| matches!(data_type, DataType::Interval(_)))
}

fn millis(span: &Expr, schema: &DFSchema) -> Option<Expr> {
    match span {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Minus, right })
            if has_type(left, schema, &DataType::Date32) && has_type(right, schema, &DataType::Date32) =>
        {
            Some(span.clone() * lit(MILLIS_PER_DAY))
        }
        span => match span.get_type(schema).ok()? {
            DataType::Interval(_) | DataType::Duration(_) => {
                functions::scalar(SPAN_ORDER).map(|order| order.call(vec![span.clone()]))
            }
            _ => None,
        },
    }
}
