//! What the types of a query decide: how operators, casts and comparisons between the worlds are planned.

mod address_order;
mod boolean_text;
mod correlated_keys;
mod date_text;
mod decimal_types;
mod derived_time;
mod describe;
mod guards;
mod lambda_keys;
mod lambda_places;
mod partition_text;
mod planner;
mod repeated_columns;
mod rule;
mod spans;
mod subquery_marks;
mod time_text;
mod types;
mod unnest;
mod whole_call;

pub(crate) use correlated_keys::CorrelatedKeys;
pub use describe::described;
pub(crate) use lambda_keys::LambdaKeys;
pub(crate) use lambda_places::LambdaPlaces;
pub(crate) use planner::DialectPlanner;
pub(crate) use repeated_columns::{BEFORE, RepeatedColumns};
pub(crate) use rule::DialectRule;
pub(crate) use subquery_marks::SubqueryMarks;
pub(crate) use types::DialectTypes;
pub(crate) use unnest::UnnestPlanner;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable};

fn is_text(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| data_type.is_string())
}

fn has_type(expr: &Expr, schema: &DFSchema, wanted: &DataType) -> bool {
    expr.get_type(schema).is_ok_and(|data_type| data_type == *wanted)
}

fn literal_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text), _) => {
            text.as_deref()
        }
        _ => None,
    }
}
