//! `typeof(x)`: the name of a type as Trino spells it.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::{DataType, Field};
use datafusion::logical_expr::ScalarUDF;

use crate::function::{Function, Kind, Returns};
use crate::json::is_json;

pub(crate) fn function() -> Arc<ScalarUDF> {
    Function::new("typeof", &[Kind::Any], Returns::Type(DataType::Utf8), |call| {
        let name = type_name(&call.fields[0]);
        Ok(Arc::new(StringArray::from(vec![name; call.rows])) as ArrayRef)
    })
    .udf()
}

/// Names a field's type.
pub(crate) fn type_name(field: &Field) -> String {
    let entry = |field: &Field| format!("\"{}\" {}", field.name(), type_name(field));
    match field.data_type() {
        _ if is_json(field) => "json".to_owned(),
        DataType::Null => "unknown".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        integer if integer.is_integer() => "bigint".to_owned(),
        DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        text if text.is_string() => "varchar".to_owned(),
        DataType::Date32 | DataType::Date64 => "date".to_owned(),
        DataType::Timestamp(_, None) => "timestamp(6)".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamp(6) with time zone".to_owned(),
        DataType::List(item) => format!("array({})", type_name(item)),
        DataType::Struct(fields) => {
            format!("row({})", fields.iter().map(|field| entry(field)).collect::<Vec<_>>().join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                format!("map({}, {})", type_name(&fields[0]), type_name(&fields[1]))
            }
            other => other.to_string(),
        },
        DataType::Interval(_) | DataType::Duration(_) => "interval day to second".to_owned(),
        binary if binary.is_binary() => "varbinary".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}
