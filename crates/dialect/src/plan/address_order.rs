//! Addresses compare and sort by their bytes: `9.0.0.1` comes before `10.0.0.1`.

use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, Sort, binary_expr};

use crate::text::{ip_order, is_ip};

/// Plans a comparison by order of which one side is an address. Equality is that of the text.
pub(super) fn compare(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Option<Expr> {
    let is_ordering = matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq);
    if !is_ordering || !(is_address(left, schema) || is_address(right, schema)) {
        return None;
    }
    Some(binary_expr(by_bytes(left.clone()), op, by_bytes(right.clone())))
}

/// Sorts addresses by their bytes.
pub(super) fn sort(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::Sort(Sort { mut expr, input, fetch }) = plan else { return Ok(plan) };
    for key in &mut expr {
        if is_address(&key.expr, input.schema()) {
            key.expr = by_bytes(key.expr.clone());
        }
    }
    Ok(LogicalPlan::Sort(Sort { expr, input, fetch }))
}

fn is_address(expr: &Expr, schema: &DFSchema) -> bool {
    expr.to_field(schema).is_ok_and(|(_, field)| is_ip(&field))
}

fn by_bytes(address: Expr) -> Expr {
    ip_order().call(vec![address])
}
