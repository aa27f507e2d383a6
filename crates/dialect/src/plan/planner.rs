//! Operators, subscripts and dots, planned by the types of what they stand at.

use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Column, DFSchema, Result, ScalarValue, TableReference};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, Operator, lit};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::{boolean_text, is_text, spans, time_text};
use crate::functions;
use crate::json::{is_json, json_element, json_member, to_json};
use crate::nested::{element_at, subscript};

/// Plans what DataFusion's own planners take otherwise; stands ahead of them.
#[derive(Debug)]
pub(crate) struct DialectPlanner;

impl ExprPlanner for DialectPlanner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let planned = match &expr.op {
            BinaryOperator::Arrow | BinaryOperator::LongArrow => json_arrow(&expr, schema),
            // `<<=`, which the parser does not know, comes as `<@`.
            BinaryOperator::ArrowAt if is_text(&expr.left, schema) && is_text(&expr.right, schema) => {
                call("contains", vec![expr.right.clone(), expr.left.clone()])
            }
            BinaryOperator::Multiply | BinaryOperator::Divide => scaled_interval(&expr, schema),
            op => comparison(op).and_then(|op| {
                boolean_text::compare(&expr.left, op, &expr.right, schema)
                    .or_else(|| time_text::compare(&expr.left, op, &expr.right, schema))
                    .or_else(|| spans::compare(&expr.left, op, &expr.right, schema))
            }),
        };
        Ok(planned.map_or(PlannerResult::Original(expr), PlannerResult::Planned))
    }

    /// `m['key']` of a map, `a[1]` of an array, both of JSON text.
    ///
    /// DataFusion plans the first as the member `key` of a struct; below a struct that call is joined with those of the
    /// members above, and the Parquet scan then looks for a leaf of that name and fails.
    fn plan_field_access(
        &self,
        access: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let data_type = access.expr.get_type(schema)?;
        let planned = match &access.field_access {
            GetFieldAccess::NamedStructField { name } => match data_type {
                // Under its own name, if it is spelled in another way.
                DataType::Struct(fields) => name.try_as_str().flatten().and_then(|name| {
                    let member = member(&fields, name).filter(|member| member.name() != name)?;
                    Some(get_field(access.expr.clone(), member.name().as_str()))
                }),
                DataType::Map(..) => Some(element_at().call(vec![access.expr.clone(), lit(name.clone())])),
                text if text.is_string() => Some(json_member().call(vec![access.expr.clone(), lit(name.clone())])),
                _ => None,
            },
            GetFieldAccess::ListIndex { key } => match data_type {
                DataType::List(_) | DataType::FixedSizeList(..) | DataType::LargeList(_) => {
                    Some(subscript().call(vec![access.expr.clone(), key.as_ref().clone()]))
                }
                DataType::Map(..) => Some(element_at().call(vec![access.expr.clone(), key.as_ref().clone()])),
                DataType::Struct(fields) => {
                    nth_member(&fields, key).map(|member| get_field(access.expr.clone(), member.name().as_str()))
                }
                text if text.is_string() => {
                    let counts_from_0 = is_json(&access.expr.to_field(schema)?.1);
                    Some(json_access(access.expr.clone(), key.as_ref().clone(), counts_from_0, schema))
                }
                _ => None,
            },
            // DuckDB's part of a text.
            GetFieldAccess::ListRange { start, stop, .. }
                if data_type.is_string() && is_positive(start) && is_positive(stop) =>
            {
                let length = stop.as_ref().clone() - start.as_ref().clone() + lit(1_i64);
                call("substr", vec![access.expr.clone(), start.as_ref().clone(), length])
            }
            GetFieldAccess::ListRange { .. } => None,
        };
        Ok(planned.map_or(PlannerResult::Original(access), PlannerResult::Planned))
    }

    /// `requestparameters.bucketName`: members of structs first, then of maps and of JSON text.
    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let mut expr = Expr::Column(Column::from((qualifier, field)));
        let mut data_type = field.data_type().clone();
        for name in names {
            let key = lit(name.clone());
            (expr, data_type) = match &data_type {
                DataType::Struct(fields) => {
                    let member = member(fields, name);
                    let own_name = member.map_or(name.as_str(), |member| member.name().as_str());
                    let member_type = member.map_or(DataType::Null, |member| member.data_type().clone());
                    (get_field(expr, own_name), member_type)
                }
                DataType::Map(..) => (element_at().call(vec![expr, key]), DataType::Utf8),
                text if text.is_string() => (json_member().call(vec![expr, key]), DataType::Utf8),
                other => (get_field(expr, name.as_str()), other.clone()),
            };
        }
        Ok(PlannerResult::Planned(expr))
    }
}

/// A member of JSON text by name, or an element by place: DuckDB counts those of its type JSON from 0, SQL from 1.
fn json_access(json: Expr, key: Expr, counts_from_0: bool, schema: &DFSchema) -> Expr {
    if is_text(&key, schema) {
        return json_member().call(vec![json, key]);
    }
    let place = if counts_from_0 { key + lit(1_i64) } else { key };
    json_element().call(vec![json, place])
}

fn is_positive(place: &Expr) -> bool {
    matches!(place, Expr::Literal(ScalarValue::Int64(Some(place)), _) if *place > 0)
}

/// `row[2]`: a member by its place, from 1.
fn nth_member<'a>(fields: &'a Fields, place: &Expr) -> Option<&'a Field> {
    let Expr::Literal(ScalarValue::Int64(Some(place)), _) = place else { return None };
    fields.get(usize::try_from(*place).ok()?.checked_sub(1)?).map(AsRef::as_ref)
}

/// A member by its name, or, as Tailpipe spells `principal_id`, without the underscores.
fn member<'a>(fields: &'a Fields, name: &str) -> Option<&'a Field> {
    let plain = name.replace('_', "");
    let found = fields.find(name).or_else(|| fields.find(&plain));
    found.map(|(_, field)| field.as_ref())
}

/// DuckDB's `json -> 'name'`, `json -> '$.path'`, `json -> 0` and, as text, `->>`.
fn json_arrow(expr: &RawBinaryExpr, schema: &DFSchema) -> Option<Expr> {
    let json = match expr.left.get_type(schema).ok()? {
        text if text.is_string() => expr.left.clone(),
        nested if nested.is_nested() => to_json().call(vec![expr.left.clone()]),
        _ => return None,
    };
    let is_json = expr.op == BinaryOperator::Arrow;
    let key = expr.right.clone();
    let path = match (super::literal_text(&key), &key) {
        (Some(path), _) if path.starts_with('$') => path.to_owned(),
        (Some(name), _) => format!("$[\"{}\"]", name.replace('"', "\\\"")),
        (None, Expr::Literal(index, _)) if index.data_type().is_integer() => format!("$[{index}]"),
        _ => return None,
    };
    call(if is_json { "json_extract" } else { "json_extract_string" }, vec![json, lit(path)])
}

/// `2 * INTERVAL '1' DAY` and `INTERVAL '1' DAY / 2`, which DataFusion has not.
fn scaled_interval(expr: &RawBinaryExpr, schema: &DFSchema) -> Option<Expr> {
    let is_interval = |expr: &Expr| {
        expr.get_type(schema).is_ok_and(|given| matches!(given, DataType::Interval(_) | DataType::Duration(_)))
    };
    let is_number = |expr: &Expr| expr.get_type(schema).is_ok_and(|given| given.is_numeric() || given.is_null());
    let (left, right) = (&expr.left, &expr.right);
    let is_product = expr.op == BinaryOperator::Multiply;
    match (is_product, is_interval(left), is_interval(right)) {
        (true, true, false) if is_number(right) => call("interval_times", vec![left.clone(), right.clone()]),
        (true, false, true) if is_number(left) => call("interval_times", vec![right.clone(), left.clone()]),
        (false, true, false) if is_number(right) => call("interval_over", vec![left.clone(), right.clone()]),
        _ => None,
    }
}

fn call(name: &str, args: Vec<Expr>) -> Option<Expr> {
    Some(functions::scalar(name)?.call(args))
}

fn comparison(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        BinaryOperator::Spaceship => Operator::IsNotDistinctFrom,
        _ => return None,
    })
}
