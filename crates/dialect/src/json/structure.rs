//! DuckDB's `from_json(json, structure)`: the structure is JSON that names types, such as `'["JSON"]'` or
//! `'{"a": "VARCHAR", "b": ["BIGINT"]}'`.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::{Result, plan_datafusion_err, plan_err};
use datafusion::logical_expr::{ReturnFieldArgs, ScalarUDF};
use serde_json::Value;

use super::cast::cast_texts;
use super::json_field;
use crate::function::{Call, Function, Kind, Returns};

pub(super) fn function() -> Arc<ScalarUDF> {
    Function::new("from_json", &[Kind::Text, Kind::Text], Returns::From(returns), kernel)
        .aliases(&["json_transform"])
        .udf()
}

fn returns(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let structure = args.scalar_arguments.get(1).copied().flatten().and_then(|value| value.try_as_str().flatten());
    let Some(text) = structure else {
        return plan_err!("from_json takes its structure as a literal, such as from_json(x, '[\"JSON\"]')");
    };
    let structure: Value = serde_json::from_str(text)
        .map_err(|error| plan_datafusion_err!("from_json: the structure '{text}' is no JSON: {error}"))?;
    Ok(Arc::new(field("from_json", &structure)?))
}

/// Values that do not fit are NULL, as in DuckDB.
fn kernel(call: &Call) -> Result<ArrayRef> {
    cast_texts(&call.array(0)?, &call.return_field, true)
}

fn field(name: &str, structure: &Value) -> Result<Field> {
    let data_type = match structure {
        Value::Array(items) => {
            let [item] = items.as_slice() else {
                return plan_err!("from_json: a list has one type of elements, as in '[\"JSON\"]'");
            };
            DataType::List(Arc::new(field(Field::LIST_FIELD_DEFAULT_NAME, item)?))
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| field(name, member)).collect::<Result<Vec<_>>>()?;
            DataType::Struct(members.into())
        }
        Value::String(type_name) => return leaf(name, type_name),
        other => return plan_err!("from_json: {other} is no type; write its name in quotes, as in '\"VARCHAR\"'"),
    };
    Ok(Field::new(name, data_type, true))
}

fn leaf(name: &str, type_name: &str) -> Result<Field> {
    let upper = type_name.trim().to_uppercase();
    if let Some(item) = upper.strip_suffix("[]") {
        let item = leaf(Field::LIST_FIELD_DEFAULT_NAME, item)?;
        return Ok(Field::new(name, DataType::List(Arc::new(item)), true));
    }
    let data_type = match upper.split('(').next().unwrap_or_default().trim_end() {
        "JSON" | "NULL" => return Ok(json_field(name).as_ref().clone()),
        "VARCHAR" | "TEXT" | "STRING" | "CHAR" | "UUID" => DataType::Utf8,
        "BOOLEAN" | "BOOL" => DataType::Boolean,
        "TINYINT" | "SMALLINT" | "INTEGER" | "INT" | "BIGINT" | "UTINYINT" | "USMALLINT" | "UINTEGER" | "UBIGINT" => {
            DataType::Int64
        }
        "REAL" | "FLOAT" | "DOUBLE" | "DECIMAL" | "NUMERIC" => DataType::Float64,
        "DATE" => DataType::Date32,
        "TIMESTAMP" => DataType::Timestamp(TimeUnit::Microsecond, None),
        _ => return plan_err!("from_json: {type_name} is no type that it reads; JSON is one that fits everything"),
    };
    Ok(Field::new(name, data_type, true))
}
