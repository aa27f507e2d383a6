//! What fails for some values is asked only for the rows for which the query asks it.
//!
//! In `x LIKE '10.%' AND CAST(x AS IPADDRESS) < …` Trino does not reach the cast where the first condition is false.
//! DataFusion works both sides of `AND` and `OR` for all rows unless few are left, and makes such operators of a `CASE`
//! of truth values. A `CASE` of numbers it works row by row, so that is what becomes of them here.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{BinaryExpr, Case, Cast, Expr, ExprSchemable, Operator, cast, lit, not, when};

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

/// Guards what may fail in an expression; in the condition of a filter, also by the conditions ahead of it.
pub(super) fn guard(expr: Expr, is_filter: bool, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if !is_filter {
        return expr.transform_up(|expr| guard_operator(expr, schema));
    }
    let mut ahead: Vec<Expr> = Vec::new();
    let mut guarded = Vec::new();
    let mut is_changed = false;
    for condition in split_conjunction_owned(expr) {
        let own = condition.transform_up(|expr| guard_operator(expr, schema))?;
        let is_fallible = can_fail(&own.data, schema);
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

fn guard_operator(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) if can_fail(&right, schema) => {
            Transformed::yes(guarded_and(*left, *right)?)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) if can_fail(&right, schema) => {
            Transformed::yes(guarded_or(*left, *right)?)
        }
        Expr::Case(case) if is_truth(&case, schema) && results(&case).any(|result| can_fail(result, schema)) => {
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

fn is_truth(case: &Case, schema: &DFSchema) -> bool {
    case.when_then_expr
        .first()
        .is_some_and(|(_, then)| then.get_type(schema).is_ok_and(|data_type| data_type == DataType::Boolean))
}

fn results(case: &Case) -> impl Iterator<Item = &Expr> {
    case.when_then_expr.iter().map(|(_, then)| then.as_ref()).chain(case.else_expr.as_deref())
}

/// Says whether an expression fails for some rows. One without columns fails for all or for none, one in `TRY` for none.
fn can_fail(expr: &Expr, schema: &DFSchema) -> bool {
    let mut is_found = false;
    let visited = expr.apply(|part| {
        is_found |= is_fallible(part, schema);
        Ok(match part {
            _ if is_found => TreeNodeRecursion::Stop,
            Expr::HigherOrderFunction(call) if call.func.name() == TRY => TreeNodeRecursion::Jump,
            _ => TreeNodeRecursion::Continue,
        })
    });
    expr.any_column_refs() && (is_found || visited.is_err())
}

fn is_fallible(expr: &Expr, schema: &DFSchema) -> bool {
    match expr {
        Expr::Cast(Cast { expr, field }) => !field.data_type().is_string() && is_text(expr, schema),
        Expr::ScalarFunction(call) => FALLIBLE.contains(&call.name()),
        Expr::BinaryExpr(BinaryExpr { op: Operator::Divide | Operator::Modulo, right, .. }) => {
            !matches!(right.as_ref(), Expr::Literal(..))
        }
        _ => false,
    }
}

fn is_text(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| data_type.is_string())
}
