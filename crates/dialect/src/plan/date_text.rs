//! `date` compared with text in another spelling than ISO's: `date = '2024/03/01'`, `date LIKE '2024/03/%'`.
//!
//! Athena's tables have such text in their partition columns of days; a comparison of dates prunes.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::Like;
use datafusion::logical_expr::{Expr, cast, lit};

use super::partition_text::day;
use super::{has_type, is_text, literal_text};
use crate::functions;

/// Takes text beside a date for the day that it spells; `None` where nothing is to be changed.
pub(super) fn respelled(date: &Expr, text: &Expr, schema: &DFSchema) -> Option<Expr> {
    if !has_type(date, schema, &DataType::Date32) {
        return None;
    }
    if let Some(text) = literal_text(text) {
        let spelled = day(text)?.replace('/', "-");
        let day = ScalarValue::Utf8(Some(spelled)).cast_to(&DataType::Date32).ok()?;
        return Some(lit(day));
    }
    // What a function spells, as `date_format(now(), '%Y/%m/%d')` does.
    let is_spelled = is_text(text, schema) && !matches!(text, Expr::Column(_));
    let replace = functions::scalar("replace").filter(|_| is_spelled)?;
    Some(cast(replace.call(vec![text.clone(), lit("/"), lit("-")]), DataType::Date32))
}

/// Settles `date LIKE '2024-03-%'`: the text of a date, whose parts a pattern may separate as it likes.
pub(super) fn settle_like(like: Like, schema: &DFSchema) -> Result<Expr, Like> {
    if !has_type(&like.expr, schema, &DataType::Date32) {
        return Err(like);
    }
    let pattern = match literal_text(&like.pattern) {
        Some(pattern) => Box::new(lit(pattern.replace('/', "-"))),
        None => like.pattern,
    };
    Ok(Expr::Like(Like { expr: Box::new(cast(*like.expr, DataType::Utf8)), pattern, ..like }))
}
