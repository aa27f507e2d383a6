//! `eventtime` compared with text.
//!
//! Athena's table has text there, trailql's a moment; the comparison becomes one of moments with the same answer, by
//! which files are pruned.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{Expr, Operator, and, binary_expr, cast, lit, or};

use super::{has_type, is_text, literal_text};
use crate::datetime::{TextRange, moment_literal, text_range};
use crate::function::utc;
use crate::functions;

/// Plans the comparison of a moment with text.
pub(super) fn compare(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Option<Expr> {
    if is_moment(left, schema) && is_text(right, schema) {
        return compare_time(left, op, right);
    }
    if is_text(left, schema) && is_moment(right, schema) {
        return compare_time(right, op.swap()?, left);
    }
    None
}

pub(super) fn is_moment(expr: &Expr, schema: &DFSchema) -> bool {
    has_type(expr, schema, &utc())
}

fn compare_time(time: &Expr, op: Operator, text: &Expr) -> Option<Expr> {
    if !matches!(op, Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq) {
        return None;
    }
    if let Some(literal) = literal_text(text) {
        return Some(match text_range(literal) {
            Some(range) => compare_range(time.clone(), op, range),
            None => as_texts(time, op, text),
        });
    }
    let (op, bound) = match op {
        Operator::GtEq | Operator::Lt => (op, "text_time_start"),
        Operator::Gt => (Operator::GtEq, "text_time_end"),
        Operator::LtEq => (Operator::Lt, "text_time_end"),
        _ => return Some(as_texts(time, op, text)),
    };
    if text.any_column_refs() {
        return Some(as_texts(time, op, text));
    }
    Some(binary_expr(time.clone(), op, functions::scalar(bound)?.call(vec![text.clone()])))
}

fn as_texts(time: &Expr, op: Operator, text: &Expr) -> Expr {
    binary_expr(cast(time.clone(), DataType::Utf8), op, text.clone())
}

/// Compares with text that stands for `range`: equal only to a moment, and a span is less than all of its moments.
fn compare_range(time: Expr, op: Operator, range: TextRange) -> Expr {
    let start = lit(moment_literal(range.start));
    let never = || lit(moment_literal(i64::MIN));
    match (op, range.is_moment) {
        (op, true) => binary_expr(time, op, start),
        (Operator::Eq, false) => time.lt(never()),
        (Operator::NotEq, false) => time.gt_eq(never()),
        (Operator::Gt | Operator::GtEq, false) => time.gt_eq(start),
        (_, false) => time.lt(start),
    }
}

/// Settles `eventtime IN ('2024-03-01T00:00:00Z', …)`.
pub(super) fn settle_in_list(list: InList, schema: &DFSchema) -> Result<Expr, InList> {
    if !is_moment(&list.expr, schema) || !list.list.iter().any(|item| literal_text(item).is_some()) {
        return Err(list);
    }
    let moment = |item: &Expr| match literal_text(item) {
        None => Some(item.clone()),
        Some(text) => text_range(text).filter(|range| range.is_moment).map(|range| lit(moment_literal(range.start))),
    };
    // Text that is no moment equals none.
    let mut items: Vec<Expr> = list.list.iter().filter_map(moment).collect();
    if items.is_empty() {
        items.push(lit(moment_literal(i64::MIN)));
    }
    Ok(Expr::InList(InList { list: items, ..list }))
}

/// Settles `eventtime LIKE '2024-03-%'`: the beginning of the pattern is a span of moments.
pub(super) fn settle_like(like: Like, schema: &DFSchema) -> Result<Expr, Like> {
    let time = match like.expr.as_ref() {
        Expr::Cast(cast) if is_moment(&cast.expr, schema) && cast.field.data_type().is_string() => cast.expr.as_ref(),
        time => time,
    };
    if !is_moment(time, schema) {
        if has_type(&like.expr, schema, &DataType::Boolean) {
            let expr = Box::new(cast(*like.expr, DataType::Utf8));
            return Ok(Expr::Like(Like { expr, ..like }));
        }
        return Err(like);
    }
    let time = time.clone();
    let span = literal_text(&like.pattern).and_then(pattern_span);
    let as_text = Like { expr: Box::new(cast(time.clone(), DataType::Utf8)), ..like };
    Ok(match span {
        None => Expr::Like(as_text),
        Some(span) => {
            let outside = or(time.clone().lt(span.start()), time.clone().gt_eq(span.end()));
            let inside = and(time.clone().gt_eq(span.start()), time.lt(span.end()));
            match (as_text.negated, span.is_exact) {
                (false, true) => inside,
                (true, true) => outside,
                (false, false) => and(inside, Expr::Like(as_text)),
                (true, false) => Expr::Like(as_text),
            }
        }
    })
}

struct Span {
    range: TextRange,
    /// The pattern asks for nothing else.
    is_exact: bool,
}

impl Span {
    fn start(&self) -> Expr {
        lit(moment_literal(self.range.start))
    }

    fn end(&self) -> Expr {
        lit(moment_literal(self.range.end))
    }
}

/// The moments whose text begins as the pattern does.
fn pattern_span(pattern: &str) -> Option<Span> {
    let length = pattern.find(['%', '_', '\\']).unwrap_or(pattern.len());
    let (beginning, rest) = pattern.split_at(length);
    // As long as it takes to name a year, a month, a day, …
    let whole = [20, 19, 16, 13, 10, 7, 4].into_iter().find(|whole| *whole <= length)?;
    let range = text_range(beginning.get(..whole)?)?;
    let separators = beginning[whole..].chars().all(|c| matches!(c, '-' | 'T' | ':' | 'Z'));
    let is_exact = rest == "%" && separators && beginning.len() <= whole + 1 && text_range(beginning).is_some();
    Some(Span { range, is_exact })
}
