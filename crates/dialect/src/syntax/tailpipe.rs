//! Forms that DuckDB and Trino both have, each with its own meaning: in statements of Tailpipe's table, DuckDB's counts.
//!
//! See <https://duckdb.org/docs/stable/sql/functions/overview>.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DateTimeField, Expr, TimezoneInfo, Value, ValueWithSpan, VisitMut, VisitorMut,
    visit_relations_mut,
};

use super::calls::{binary, call, cast, if_else, name, number, parenthesized, plain_args, text};
use super::duckdb::{literal, with_options};

/// Tailpipe's table.
const TABLE: &str = "aws_cloudtrail_log";

/// Says whether a statement reads Tailpipe's table, and so is written for DuckDB.
pub(super) fn reads_tailpipes<T: VisitMut>(node: &mut T) -> bool {
    let found = visit_relations_mut(node, |name| {
        let table = name.0.last().and_then(|part| part.as_ident());
        match table.is_some_and(|table| table.value.eq_ignore_ascii_case(TABLE)) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    found.is_break()
}

/// Rewrites what DuckDB takes otherwise, ahead of what is done for every statement.
pub(super) fn settle_tailpipes<T: VisitMut>(node: &mut T) {
    if reads_tailpipes(node) {
        let _ = node.visit(&mut Forms);
    }
}

struct Forms;

impl VisitorMut for Forms {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let settled = match expr {
            Expr::BinaryOp { left, op: BinaryOperator::Divide, right } => {
                Some(call("quotient", vec![left.as_ref().clone(), right.as_ref().clone()]))
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right } if is_boolean(right) => {
                if let Some(truth) = json_truth(left) {
                    **left = truth;
                }
                None
            }
            // What is left of a division by 0 is NULL.
            Expr::BinaryOp { op: BinaryOperator::Modulo, right, .. } if !matches!(right.as_ref(), Expr::Value(_)) => {
                **right = call("nullif", vec![right.as_ref().clone(), number(0)]);
                None
            }
            // From Sunday, which is 0.
            Expr::Extract { field: DateTimeField::Dow | DateTimeField::DayOfWeek, expr, .. } => {
                Some(call("dayofweek", vec![expr.as_ref().clone()]))
            }
            Expr::Function(function) => {
                plain_args(function).and_then(|args| settle_call(&name(function), args.as_slice()))
            }
            _ => None,
        };
        if let Some(settled) = settled {
            *expr = settled;
        }
        ControlFlow::Continue(())
    }
}

fn is_boolean(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(ValueWithSpan { value: Value::Boolean(_), .. }))
}

/// `(json -> 'a') = true` is also met by the text `"true"`, and JSON's null is NULL.
fn json_truth(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Nested(inner) => json_truth(inner),
        Expr::BinaryOp { left, op: BinaryOperator::Arrow, right } => {
            let member = binary(left, BinaryOperator::LongArrow, right);
            let (kind, expr, data_type) = (CastKind::TryCast, Box::new(parenthesized(member)), DataType::Boolean);
            Some(Expr::Cast { kind, expr, data_type, array: false, format: None })
        }
        _ => None,
    }
}

fn settle_call(name: &str, args: &[Expr]) -> Option<Expr> {
    match (name, args) {
        ("date_diff" | "datediff", [unit, from, to]) => boundaries(literal(unit)?, from, to),
        // NULLs are left out.
        ("concat", values) if !values.iter().any(|value| matches!(value, Expr::Array(_))) => {
            let texts = values.iter().map(|value| cast(value, DataType::Varchar(None)));
            Some(call("concat_ws", std::iter::once(text("")).chain(texts).collect()))
        }
        ("greatest", values) => Some(call("greatest_present", values.to_vec())),
        ("least", values) => Some(call("least_present", values.to_vec())),
        ("split_part", [value, _, _]) | ("regexp_extract", [value, _] | [value, _, _]) => {
            Some(or_empty(value, call(name, args.to_vec())))
        }
        ("regexp_replace", [value, pattern, new]) => replaced(value, pattern, new, ""),
        ("regexp_replace", [value, pattern, new, options]) => replaced(value, pattern, new, literal(options)?),
        _ => None,
    }
}

/// The empty text where a part is not found.
fn or_empty(value: &Expr, part: Expr) -> Expr {
    let empty = if_else(&Expr::IsNotNull(Box::new(value.clone())), &text(""), None);
    call("coalesce", vec![part, empty])
}

/// DuckDB counts the boundaries between two times, Trino the whole units: these are as many between the boundaries.
fn boundaries(unit: &str, from: &Expr, to: &Expr) -> Option<Expr> {
    let unit = match unit.to_lowercase().as_str() {
        "d" | "day" | "days" => "day",
        "h" | "hr" | "hour" | "hours" => "hour",
        "m" | "min" | "minute" | "minutes" => "minute",
        "s" | "sec" | "second" | "seconds" => "second",
        "ms" | "millisecond" | "milliseconds" => "millisecond",
        "w" | "week" | "weeks" => "week",
        "mon" | "month" | "months" => "month",
        "quarter" | "quarters" => "quarter",
        "y" | "yr" | "year" | "years" => "year",
        _ => return None,
    };
    let boundary = |time: &Expr| {
        let time = match literal(time) {
            Some(_) => cast(time, DataType::Timestamp(None, TimezoneInfo::None)),
            None => time.clone(),
        };
        // Its weeks are 7 days each, from whatever day on.
        let boundary = if unit == "week" { "day" } else { unit };
        call("date_trunc", vec![text(boundary), time])
    };
    Some(call("date_diff", vec![text(unit), boundary(from), boundary(to)]))
}

/// The first match is replaced, with the option `g` each; groups are `\1`.
fn replaced(value: &Expr, pattern: &Expr, new: &Expr, options: &str) -> Option<Expr> {
    let function = if options.contains('g') { "regexp_replace" } else { "regexp_replace_first" };
    let new = literal(new).map_or_else(|| new.clone(), |new| text(&group_names(new)));
    Some(call(function, vec![value.clone(), with_options(pattern, options)?, new]))
}

/// `\1` is `$1`, `$` is itself.
fn group_names(new: &str) -> String {
    let mut named = String::with_capacity(new.len());
    let mut chars = new.chars().peekable();
    while let Some(char) = chars.next() {
        match (char, chars.peek()) {
            ('\\', Some(digit)) if digit.is_ascii_digit() => named.push('$'),
            ('$', _) => named.push_str(r"\$"),
            _ => named.push(char),
        }
    }
    named
}
