//! What fails for some values is asked only for the rows for which the query asks it.
//!
//! In `x LIKE '10.%' AND CAST(x AS IPADDRESS) < …` Trino does not reach the cast where the first condition is false.
//! DataFusion works both sides of `AND` and `OR` for all rows unless few are left, and makes such operators of a `CASE`
//! of truth values. A `CASE` of numbers it works row by row, so that is what becomes of them here.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ExprSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::utils::{conjunction, split_binary_owned, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Case, Cast, Expr, ExprSchemable, LogicalPlan, Operator, binary_expr, cast, lit, not,
};

use super::partition_text;
use crate::decimals::ARITHMETIC;
use crate::nested::TRY;

/// Functions that fail for some of the texts, numbers and arrays that they take.
const FALLIBLE: &[&str] = &[
    "date_parse",
    ARITHMETIC,
    "from_base",
    "from_base32",
    "from_base64",
    "from_base64url",
    "from_hex",
    "from_iso8601_date",
    "from_iso8601_timestamp",
    "from_utf8",
    "ip_order",
    "ip_prefix",
    "ip_subnet_max",
    "ip_subnet_min",
    "ipaddress",
    "is_subnet_of",
    "json_cast",
    "json_parse",
    "parse_datetime",
    "parse_duration",
    "split_to_map",
    "subscript",
    "to_date",
    "to_timestamp_micros",
    "url_decode",
];

/// What the expressions of a plan's node see.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) schema: &'a DFSchema,
    pub(super) plans: &'a [&'a LogicalPlan],
}

impl Inputs<'_> {
    /// Says whether all values of a column are well-formed: times, and the days that a table is partitioned by. Their
    /// conditions stay as they are, so that they prune.
    fn is_well_formed(&self, column: &Column) -> bool {
        self.schema.field_from_column(column).is_ok_and(|field| field.data_type().is_temporal())
            || partition_text::is_part_of_day(column, self.plans)
    }
}

/// Guards what may fail in an expression; in the condition of a filter, also by the conditions ahead of it.
pub(super) fn guard(expr: Expr, is_filter: bool, inputs: Inputs<'_>) -> Result<Transformed<Expr>> {
    if !is_filter {
        return guard_parts(expr, inputs);
    }
    let mut ahead: Vec<Expr> = Vec::new();
    let mut guarded = Vec::new();
    let mut is_changed = false;
    for condition in split_conjunction_owned(expr) {
        let own = guard_parts(condition, inputs)?;
        let is_fallible = can_fail(&own.data, inputs);
        is_changed |= own.transformed || is_fallible;
        if is_fallible && !ahead.is_empty() && !is_guarded_by(&own.data, &ahead) {
            guarded.push(in_order(Operator::And, ahead.iter().cloned().chain([own.data]).collect())?);
        } else {
            if !is_fallible {
                ahead.push(own.data.clone());
            }
            guarded.push(own.data);
        }
    }
    let expr = conjunction(guarded).unwrap_or_else(|| lit(true));
    Ok(if is_changed { Transformed::yes(expr) } else { Transformed::no(expr) })
}

/// Guards what may fail in the operands of `AND` and `OR`, and in the results of `CASE`.
fn guard_parts(expr: Expr, inputs: Inputs<'_>) -> Result<Transformed<Expr>> {
    expr.transform_down(|expr| {
        let op = match &expr {
            Expr::BinaryExpr(BinaryExpr { op: op @ (Operator::And | Operator::Or), .. }) => *op,
            Expr::Case(case) if is_truth(case, inputs) && results(case).any(|result| can_fail(result, inputs)) => {
                let Expr::Case(case) = expr else { return Ok(Transformed::no(expr)) };
                return Ok(Transformed::yes(case_of_numbers(case)));
            }
            _ => return Ok(Transformed::no(expr)),
        };
        let operands = split_binary_owned(expr, op);
        let is_fallible = operands.iter().skip(1).any(|operand| can_fail(operand, inputs));
        let operands = operands.into_iter().map(|operand| guard_parts(operand, inputs)).collect::<Result<Vec<_>>>()?;
        let is_changed = is_fallible || operands.iter().any(|operand| operand.transformed);
        let operands = operands.into_iter().map(|operand| operand.data);
        let whole = match is_fallible {
            true => in_order(op, operands.collect())?,
            false => operands.reduce(|left, right| binary_expr(left, op, right)).unwrap_or_else(|| lit(true)),
        };
        Ok(Transformed::new(whole, is_changed, TreeNodeRecursion::Jump))
    })
}

/// `AND` and `OR` of operands of which each is worked for the rows that those ahead of it leave open.
fn in_order(op: Operator, operands: Vec<Expr>) -> Result<Expr> {
    let Some(last) = operands.last().cloned() else { return plan_err!("{op} has operands") };
    let decided = lit(i8::from(op == Operator::Or));
    let deciding = operands.iter().map(|operand| match op {
        Operator::Or => operand.clone(),
        _ => not(operand.clone()),
    });
    let whens = deciding.map(|when| (when, decided.clone()));
    // What is left has decided nothing; one operand that is not known leaves the whole unknown.
    let unknown = operands.iter().map(|operand| (operand.clone().is_null(), lit(ScalarValue::Int8(None))));
    let when_then_expr = whens.chain(unknown).map(|(when, then)| (Box::new(when), Box::new(then))).collect();
    // All agree by now. A CASE of nothing but literals would become operators again.
    let otherwise = Some(Box::new(as_number(last)));
    Ok(Expr::Case(Case::new(None, when_then_expr, otherwise)).eq(lit(1_i8)))
}

/// Says whether an earlier run of the rule made `condition`.
fn is_guarded_by(condition: &Expr, ahead: &[Expr]) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, .. }) = condition else { return false };
    let Expr::Case(case) = left.as_ref() else { return false };
    let whens = case.when_then_expr.iter().map(|(when, _)| when.as_ref());
    case.when_then_expr.len() > ahead.len()
        && whens.zip(ahead).all(|(when, ahead)| matches!(when, Expr::Not(inner) if inner.as_ref() == ahead))
}

fn case_of_numbers(case: Case) -> Expr {
    let when_then_expr =
        case.when_then_expr.into_iter().map(|(when, then)| (when, Box::new(as_number(*then)))).collect();
    let else_expr = case.else_expr.map(|otherwise| Box::new(as_number(*otherwise)));
    Expr::Case(Case { expr: case.expr, when_then_expr, else_expr }).eq(lit(1_i8))
}

fn as_number(truth: Expr) -> Expr {
    cast(truth, DataType::Int8)
}

fn is_truth(case: &Case, inputs: Inputs<'_>) -> bool {
    case.when_then_expr
        .first()
        .is_some_and(|(_, then)| then.get_type(inputs.schema).is_ok_and(|data_type| data_type == DataType::Boolean))
}

fn results(case: &Case) -> impl Iterator<Item = &Expr> {
    case.when_then_expr.iter().map(|(_, then)| then.as_ref()).chain(case.else_expr.as_deref())
}

/// Says whether an expression fails for some rows, or elements. One that reads none fails for all or for none, one in
/// `TRY` for none.
fn can_fail(expr: &Expr, inputs: Inputs<'_>) -> bool {
    let reads_elements = expr.exists(|part| Ok(matches!(part, Expr::LambdaVariable(_)))).unwrap_or(true);
    if !reads_elements && expr.column_refs().into_iter().all(|column| inputs.is_well_formed(column)) {
        return false;
    }
    let mut is_found = false;
    let visited = expr.apply(|part| {
        is_found |= is_fallible(part, inputs);
        Ok(match part {
            _ if is_found => TreeNodeRecursion::Stop,
            Expr::HigherOrderFunction(call) if call.func.name() == TRY => TreeNodeRecursion::Jump,
            _ => TreeNodeRecursion::Continue,
        })
    });
    is_found || visited.is_err()
}

fn is_fallible(expr: &Expr, inputs: Inputs<'_>) -> bool {
    match expr {
        Expr::Cast(Cast { expr, field }) => !field.data_type().is_string() && is_text(expr, inputs),
        Expr::ScalarFunction(call) => FALLIBLE.contains(&call.name()),
        // By 0; a double has infinity for that.
        Expr::BinaryExpr(BinaryExpr { op: Operator::Divide | Operator::Modulo, right, .. }) => {
            !matches!(right.as_ref(), Expr::Literal(..)) && !is_double(right, inputs)
        }
        _ => false,
    }
}

fn is_text(expr: &Expr, inputs: Inputs<'_>) -> bool {
    expr.get_type(inputs.schema).is_ok_and(|data_type| data_type.is_string())
}

fn is_double(expr: &Expr, inputs: Inputs<'_>) -> bool {
    expr.get_type(inputs.schema).is_ok_and(|data_type| data_type.is_floating())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions;

    /// DataFusion's, and one that is made for each cast.
    const NOT_OURS: [&str; 3] = ["json_cast", "to_date", "to_timestamp_micros"];

    #[test]
    fn every_name_is_a_functions() {
        for name in FALLIBLE {
            assert!(NOT_OURS.contains(name) || functions::scalar(name).is_some(), "{name}");
        }
    }
}
