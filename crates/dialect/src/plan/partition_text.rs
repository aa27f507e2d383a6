//! Partition columns compared with values in another spelling than theirs.
//!
//! `dt` is `2024/03/01` and `month` is `03`, as most published tables have them; others have `2024-03-01` and `3`, and
//! their queries ask so.

use arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, LogicalPlan, lit};

use super::literal_text;

/// Columns of days, as `yyyy/MM/dd`.
const DAYS: [&str; 5] = ["timestamp", "date_partition", "p_date", "dt", "ingest_date"];

/// Says whether a column is one of a table's days, or of their parts, of which every value is well-formed.
pub(super) fn is_part_of_day(column: &Column, inputs: &[&LogicalPlan]) -> bool {
    let name = column.name.as_str();
    (DAYS.contains(&name) || matches!(name, "year" | "month" | "day")) && is_stored(column, inputs)
}

/// Spells a literal as the partition column beside it has its values; `None` where nothing is to be changed.
pub(super) fn respelled(column: &Expr, literal: &Expr, inputs: &[&LogicalPlan]) -> Option<Expr> {
    let Expr::Column(column) = column else { return None };
    let Expr::Literal(value, _) = literal else { return None };
    let text = literal_digits(value)?;
    let spelled = match column.name.as_str() {
        name if DAYS.contains(&name) => day(&text)?,
        "month" | "day" => padded(&text, 2)?,
        "year" => text.clone(),
        _ => return None,
    };
    let is_changed = value.try_as_str().flatten() != Some(spelled.as_str());
    (is_changed && is_stored(column, inputs)).then(|| lit(spelled))
}

/// Compares a column of days of the month with a whole day: such a column is one of whole days in some tables.
pub(super) fn whole_day(column: &Expr, literal: &Expr, inputs: &[&LogicalPlan]) -> Option<(Expr, Expr)> {
    let Expr::Column(column) = column else { return None };
    let text = match literal {
        // `DATE '2024-03-01'` is a cast of its text until it is simplified.
        Expr::Cast(cast) if *cast.field.data_type() == DataType::Date32 => literal_text(&cast.expr)?.to_owned(),
        Expr::Literal(value @ ScalarValue::Date32(Some(_)), _) => value.to_string(),
        literal => literal_text(literal)?.to_owned(),
    };
    let days = Column::new(column.relation.clone(), DAYS[0]);
    let is_whole = column.name == "day" && text.len() >= "2024-3-1".len();
    let spelled = day(&text).filter(|_| is_whole && is_stored(column, inputs) && is_stored(&days, inputs))?;
    Some((Expr::Column(days), lit(spelled)))
}

fn literal_digits(value: &ScalarValue) -> Option<String> {
    match value.try_as_str() {
        Some(text) => text.map(str::to_owned),
        None => value.data_type().is_integer().then(|| value.to_string()),
    }
}

/// `2024-3-1`, `2024/3/1` or `20240301` as `2024/03/01`; also the beginning of a day.
pub(super) fn day(text: &str) -> Option<String> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() == 8 && is_number(text) {
        return Some(format!("{}/{}/{}", &text[..4], &text[4..6], &text[6..]));
    }
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    if parts[0].len() != 4 || parts.len() > 3 || !parts.iter().all(|part| is_number(part)) {
        return None;
    }
    let padded: Option<Vec<String>> = parts[1..].iter().map(|part| padded(part, 2)).collect();
    Some(std::iter::once(parts[0].to_owned()).chain(padded?).collect::<Vec<_>>().join("/"))
}

fn padded(text: &str, digits: usize) -> Option<String> {
    let number: u32 = text.parse().ok()?;
    Some(format!("{number:0digits$}"))
}

/// Says whether a column is one of a table's, and not one that a query made.
fn is_stored(column: &Column, inputs: &[&LogicalPlan]) -> bool {
    let Some(input) = inputs.iter().find(|input| input.schema().index_of_column(column).is_ok()) else { return false };
    match input {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Projection(projection) => {
            let Ok(index) = projection.schema.index_of_column(column) else { return false };
            match projection.expr[index].clone().unalias() {
                Expr::Column(inner) => is_stored(&inner, &[&projection.input]),
                _ => false,
            }
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let Ok(index) = alias.schema.index_of_column(column) else { return false };
            let (qualifier, field) = alias.input.schema().qualified_field(index);
            is_stored(&Column::new(qualifier.cloned(), field.name()), &[&alias.input])
        }
        LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            is_stored(column, &input.inputs())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_get_one_spelling() {
        for text in ["2024-03-01", "2024/3/1", "20240301", "2024/03/01"] {
            assert_eq!(day(text).as_deref(), Some("2024/03/01"));
        }
        assert_eq!(day("2024-03").as_deref(), Some("2024/03"));
        for text in ["", "today", "01/03/2024", "2024-03-01T00"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
