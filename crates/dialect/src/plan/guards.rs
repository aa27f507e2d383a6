//! What fails for some values is asked only for the rows for which the query asks it.
//!
//! In `x LIKE '10.%' AND CAST(x AS IPADDRESS) < …` Trino does not reach the cast where the first condition is false.
//! DataFusion works both sides of `AND` and `OR` for all rows unless few are left, and makes such operators of a `CASE`
//! of truth values. A `CASE` of numbers it works row by row, so that is what becomes of them here.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ExprSchema, Result, ScalarValue};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Case, Cast, Expr, ExprSchemable, LogicalPlan, Operator, cast, lit, not, when,
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
        return expr.transform_up(|expr| guard_operator(expr, inputs));
    }
    let mut ahead: Vec<Expr> = Vec::new();
    let mut guarded = Vec::new();
    let mut is_changed = false;
    for condition in split_conjunction_owned(expr) {
        let own = condition.transform_up(|expr| guard_operator(expr, inputs))?;
        let is_fallible = can_fail(&own.data, inputs);
        is_changed |= own.transformed || is_fallible;
        let condition = match conjunction(ahead.clone()) {
            Some(ahead) if is_fallible && !is_guarded_by(&own.data, &ahead) => guarded_and(ahead, own.data)?,
            _ => own.data,
        };
        if !is_fallible {
            ahead.push(condition.clone());
        }
        guarded.push(condition);
    }
    let expr = conjunction(guarded).unwrap_or_else(|| lit(true));
    Ok(if is_changed { Transformed::yes(expr) } else { Transformed::no(expr) })
}

fn guard_operator(expr: Expr, inputs: Inputs<'_>) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) if can_fail(&right, inputs) => {
            Transformed::yes(guarded_and(*left, *right)?)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) if can_fail(&right, inputs) => {
            Transformed::yes(guarded_or(*left, *right)?)
        }
        Expr::Case(case) if is_truth(&case, inputs) && results(&case).any(|result| can_fail(result, inputs)) => {
            Transformed::yes(case_of_numbers(case))
        }
        other => Transformed::no(other),
    })
}

/// `left AND right`, with `right` worked where `left` is not false.
fn guarded_and(left: Expr, right: Expr) -> Result<Expr> {
    let number = when(left.clone(), as_number(right.clone()))
        .when(not(left), lit(0_i8))
        .when(right.clone(), lit_null())
        .otherwise(as_number(right))?;
    Ok(number.eq(lit(1_i8)))
}

/// Says whether an earlier run of the rule made `condition`.
fn is_guarded_by(condition: &Expr, guard: &Expr) -> bool {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, .. }) => match left.as_ref() {
            Expr::Case(case) => case.when_then_expr.first().is_some_and(|(when, _)| when.as_ref() == guard),
            _ => false,
        },
        _ => false,
    }
}

/// `left OR right`, with `right` worked where `left` is not true.
fn guarded_or(left: Expr, right: Expr) -> Result<Expr> {
    let number = when(left.clone(), lit(1_i8))
        .when(not(left), as_number(right.clone()))
        .when(right, lit(1_i8))
        .otherwise(lit_null())?;
    Ok(number.eq(lit(1_i8)))
}

fn lit_null() -> Expr {
    lit(ScalarValue::Int8(None))
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

/// Says whether an expression fails for some rows. One without columns fails for all or for none, one in `TRY` for none.
fn can_fail(expr: &Expr, inputs: Inputs<'_>) -> bool {
    if expr.column_refs().into_iter().all(|column| inputs.is_well_formed(column)) {
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
        Expr::BinaryExpr(BinaryExpr { op: Operator::Divide | Operator::Modulo, right, .. }) => {
            !matches!(right.as_ref(), Expr::Literal(..))
        }
        _ => false,
    }
}

fn is_text(expr: &Expr, inputs: Inputs<'_>) -> bool {
    expr.get_type(inputs.schema).is_ok_and(|data_type| data_type.is_string())
}
