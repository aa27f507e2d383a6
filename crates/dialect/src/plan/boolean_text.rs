//! `readonly = 'true'` means `readonly = true`.
//!
//! Athena's table has text in these columns, CloudTrail Lake's has booleans; DataFusion has no common type for the two.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Case, Expr, Operator, binary_expr, cast, lit};

use super::{has_type, is_text, literal_text};

/// Plans the comparison of a boolean with text: as booleans if the text is a literal `'true'` or `'false'`, else as
/// text.
pub(super) fn compare(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Option<Expr> {
    if is_boolean(left, schema) && is_text(right, schema) {
        let (left, right) = unify(left, right);
        return Some(binary_expr(left, op, right));
    }
    if is_text(left, schema) && is_boolean(right, schema) {
        let (right, left) = unify(right, left);
        return Some(binary_expr(left, op, right));
    }
    None
}

fn unify(boolean: &Expr, text: &Expr) -> (Expr, Expr) {
    match literal_boolean(text) {
        Some(value) => (boolean.clone(), lit(value)),
        None => (cast(boolean.clone(), DataType::Utf8), text.clone()),
    }
}

/// Settles `readonly IN ('true', …)`.
pub(super) fn settle_in_list(list: InList, schema: &DFSchema) -> Result<Expr, InList> {
    if !is_boolean(&list.expr, schema) || !list.list.iter().any(|item| is_text(item, schema)) {
        return Err(list);
    }
    let InList { expr, list, negated } = list;
    // All literals: the column stays as it is, so that the filter can prune.
    let booleans: Option<Vec<Expr>> = list.iter().map(|item| literal_boolean(item).map(lit)).collect();
    let (expr, list) = match booleans {
        Some(list) => (expr, list),
        None => {
            let list = list.into_iter().map(|item| as_text(item, schema)).collect();
            (Box::new(as_text(*expr, schema)), list)
        }
    };
    Ok(Expr::InList(InList { expr, list, negated }))
}

/// Settles `CASE readonly WHEN 'true' …`.
pub(super) fn settle_case(case: Case, schema: &DFSchema) -> Result<Expr, Case> {
    let is_mixed = |operand: &Expr| {
        is_boolean(operand, schema) && case.when_then_expr.iter().any(|(when, _)| is_text(when, schema))
    };
    if !case.expr.as_deref().is_some_and(is_mixed) {
        return Err(case);
    }
    let Case { expr, when_then_expr, else_expr } = case;
    let expr = expr.map(|operand| Box::new(as_text(*operand, schema)));
    let when_then_expr =
        when_then_expr.into_iter().map(|(when, then)| (Box::new(as_text(*when, schema)), then)).collect();
    Ok(Expr::Case(Case { expr, when_then_expr, else_expr }))
}

fn as_text(expr: Expr, schema: &DFSchema) -> Expr {
    if is_boolean(&expr, schema) { cast(expr, DataType::Utf8) } else { expr }
}

fn literal_boolean(expr: &Expr) -> Option<bool> {
    match literal_text(expr)?.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn is_boolean(expr: &Expr, schema: &DFSchema) -> bool {
    has_type(expr, schema, &DataType::Boolean)
}
