//! Comparisons of text that is cut or formatted out of `eventtime`: `substr(eventtime, 1, 10) = '2024-03-01'`,
//! `date_format(eventtime, '%Y/%m/%d') >= '2024/03/01'`. They become comparisons of the moment, by which files are pruned.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, Operator, and, lit, or};

use super::literal_text;
use super::time_text::is_moment;
use crate::datetime::{Item, TextRange, moment_literal, mysql_pattern, text_range};

/// Length of `2024-03-01T12:30:00Z`.
const WHOLE: usize = 20;

/// Plans a comparison of text derived from a moment with a literal.
pub(super) fn compare(left: &Expr, op: Operator, right: &Expr, schema: &DFSchema) -> Option<Expr> {
    match (literal_text(left), literal_text(right)) {
        (None, Some(text)) => compare_derived(left, op, text, schema),
        (Some(text), None) => compare_derived(right, op.swap()?, text, schema),
        _ => None,
    }
}

fn compare_derived(derived: &Expr, op: Operator, text: &str, schema: &DFSchema) -> Option<Expr> {
    let (time, shape) = derived_from(derived, schema)?;
    let (beginning, length) = match &shape {
        Shape::Cut(length) => (text.to_owned(), *length),
        Shape::Formatted(items) => formatted_beginning(items, text)?,
    };
    if beginning.len() > length {
        return None;
    }
    let is_whole = beginning.len() == length;
    let range = text_range(&beginning).filter(|range| beginning.len() == WHOLE || !range.is_moment)?;
    compare_range(time.clone(), op, range, is_whole)
}

/// A shorter text is less than every text that begins with it.
fn compare_range(time: Expr, op: Operator, range: TextRange, is_whole: bool) -> Option<Expr> {
    let start = || lit(moment_literal(range.start));
    let end = || lit(moment_literal(range.end));
    Some(match (op, is_whole) {
        (Operator::Eq, true) => and(time.clone().gt_eq(start()), time.lt(end())),
        (Operator::NotEq, true) => or(time.clone().lt(start()), time.gt_eq(end())),
        (Operator::Gt, true) => time.gt_eq(end()),
        (Operator::LtEq, true) => time.lt(end()),
        (Operator::GtEq, _) | (Operator::Gt, false) => time.gt_eq(start()),
        (Operator::Lt, _) | (Operator::LtEq, false) => time.lt(start()),
        _ => return None,
    })
}

/// How text comes out of a moment.
enum Shape {
    /// As the first characters of its ISO text.
    Cut(usize),
    /// By a pattern.
    Formatted(Vec<Item>),
}

fn derived_from<'a>(expr: &'a Expr, schema: &DFSchema) -> Option<(&'a Expr, Shape)> {
    match expr {
        Expr::Cast(cast) if cast.field.data_type().is_string() && is_moment(&cast.expr, schema) => {
            Some((&cast.expr, Shape::Cut(WHOLE)))
        }
        Expr::ScalarFunction(call) => derived_by(call, schema),
        _ => None,
    }
}

fn derived_by<'a>(call: &'a ScalarFunction, schema: &DFSchema) -> Option<(&'a Expr, Shape)> {
    match (call.name(), call.args.as_slice()) {
        ("substr", [time, first, length]) if literal_int(first) == Some(1) => {
            let length = usize::try_from(literal_int(length)?).ok()?;
            Some((moment_of(time, schema)?, Shape::Cut(length.min(WHOLE))))
        }
        ("subscript" | "element_at", [Expr::ScalarFunction(split), first])
            if split.name() == "split" && literal_int(first) == Some(1) =>
        {
            let [time, delimiter] = split.args.as_slice() else { return None };
            (literal_text(delimiter) == Some("T")).then_some(())?;
            Some((moment_of(time, schema)?, Shape::Cut(10)))
        }
        ("date_format", [time, pattern]) => {
            let items = mysql_pattern(literal_text(pattern)?).ok()?;
            Some((moment_of(time, schema)?, Shape::Formatted(items)))
        }
        _ => None,
    }
}

/// A moment, or its text, or a function that reads that text again.
fn moment_of<'a>(expr: &'a Expr, schema: &DFSchema) -> Option<&'a Expr> {
    match expr {
        Expr::Cast(cast) if is_moment(&cast.expr, schema) => match cast.field.data_type() {
            text if text.is_string() => Some(&cast.expr),
            DataType::Timestamp(_, None) => Some(&cast.expr),
            _ => None,
        },
        Expr::ScalarFunction(call) if matches!(call.name(), "from_iso8601_timestamp" | "date_parse") => {
            moment_of(call.args.first()?, schema)
        }
        time => is_moment(time, schema).then_some(time),
    }
}

/// Reads text by a pattern that goes from the year to ever smaller units; returns it as the beginning of ISO text, and
/// the length that the pattern's texts have in that spelling.
fn formatted_beginning(items: &[Item], text: &str) -> Option<(String, usize)> {
    let wanted = [Item::Year(4), Item::Month(2), Item::Day(2), Item::Hour(2), Item::Minute(2), Item::Second(2)];
    let separators = ["-", "-", "T", ":", ":"];
    let (mut rest, mut beginning, mut next) = (text, String::new(), 0);
    for item in items {
        match item {
            Item::Text(literal) => rest = rest.strip_prefix(literal.as_str())?,
            item if Some(item) == wanted.get(next) => {
                let digits = if next == 0 { 4 } else { 2 };
                let (field, behind) = rest.split_at_checked(digits)?;
                if next > 0 {
                    beginning.push_str(separators[next - 1]);
                }
                beginning.push_str(field);
                rest = behind;
                next += 1;
            }
            _ => return None,
        }
    }
    let length = beginning.len();
    (rest.is_empty() && next > 0).then_some((beginning, length))
}

fn literal_int(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::Int64(value), _) => *value,
        Expr::Literal(ScalarValue::Int32(value), _) => value.map(i64::from),
        _ => None,
    }
}
