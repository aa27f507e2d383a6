//! SQL types that DataFusion has not: `JSON`, `MAP(k, v)`, `IPADDRESS`.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{Result, not_impl_err};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{ArrayElemTypeDef, DataType as SqlType, StructField, TimezoneInfo};

use crate::function::utc;
use crate::json::json_field;
use crate::text::ip_field;

/// Plans types.
#[derive(Debug)]
pub(crate) struct DialectTypes;

impl TypePlanner for DialectTypes {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        plan(sql_type)
    }
}

/// The fields of types below, in which DataFusion's own types may come again.
fn plan(sql_type: &SqlType) -> Result<Option<FieldRef>> {
    let nullable = |data_type| Arc::new(Field::new("", data_type, true));
    Ok(Some(match sql_type {
        SqlType::JSON | SqlType::JSONB => json_field(""),
        SqlType::Map(key, value) => nullable(map_type(required(key)?.as_ref(), required(value)?.as_ref())),
        SqlType::Array(ArrayElemTypeDef::AngleBracket(item)) => {
            let item = required(item)?.as_ref().clone().with_name(Field::LIST_FIELD_DEFAULT_NAME);
            nullable(DataType::List(Arc::new(item)))
        }
        SqlType::Struct(fields, _) => {
            let fields = fields.iter().enumerate().map(|(index, field)| struct_field(index, field));
            nullable(DataType::Struct(fields.collect::<Result<Vec<_>>>()?.into()))
        }
        SqlType::Varbinary(_) | SqlType::Binary(_) => nullable(DataType::Binary),
        SqlType::Character(_) | SqlType::CharVarying(_) | SqlType::CharacterVarying(_) => nullable(DataType::Utf8),
        SqlType::Timestamp(precision, zone) => match (precision, zone) {
            (_, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => nullable(utc()),
            (Some(9), _) => return Ok(None),
            _ => nullable(DataType::Timestamp(TimeUnit::Microsecond, None)),
        },
        SqlType::Custom(name, _) => match name.to_string().to_ascii_lowercase().as_str() {
            "ipaddress" | "ipprefix" | "inet" => Arc::new(ip_field("")),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

/// A type within another.
fn required(sql_type: &SqlType) -> Result<FieldRef> {
    if let Some(field) = plan(sql_type)? {
        return Ok(field);
    }
    let data_type = match sql_type {
        SqlType::Varchar(_) | SqlType::Text | SqlType::Char(_) | SqlType::String(_) => DataType::Utf8,
        SqlType::Boolean | SqlType::Bool => DataType::Boolean,
        SqlType::TinyInt(_) => DataType::Int8,
        SqlType::SmallInt(_) => DataType::Int16,
        SqlType::Int(_) | SqlType::Integer(_) => DataType::Int32,
        SqlType::BigInt(_) => DataType::Int64,
        SqlType::Real | SqlType::Float(_) => DataType::Float32,
        SqlType::Double(_) | SqlType::DoublePrecision | SqlType::Decimal(_) | SqlType::Numeric(_) => DataType::Float64,
        SqlType::Date => DataType::Date32,
        SqlType::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, None),
        other => return not_impl_err!("the type {other} within another type"),
    };
    Ok(Arc::new(Field::new("", data_type, true)))
}

fn map_type(key: &Field, value: &Field) -> DataType {
    let key = key.clone().with_name("key").with_nullable(false);
    let value = value.clone().with_name("value").with_nullable(true);
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(vec![key, value].into()), false)), false)
}

fn struct_field(index: usize, field: &StructField) -> Result<FieldRef> {
    let name = match &field.field_name {
        Some(name) if name.quote_style.is_some() => name.value.clone(),
        Some(name) => name.value.to_lowercase(),
        None => format!("field{index}"),
    };
    Ok(Arc::new(required(&field.field_type)?.as_ref().clone().with_name(name)))
}
