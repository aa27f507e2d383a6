//! SQL values as JSON: `CAST(x AS JSON)`.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use serde_json::{Map, Value};

use super::is_json;
use super::scan::minify;
use crate::function::{Call, Function, Kind, Returns, Texts};

static TO_JSON: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Function::new("to_json", &[Kind::Any], Returns::Json, kernel).udf());

/// `to_json(x)`: what `CAST(x AS JSON)` means for an `x` that is no JSON yet.
pub(crate) fn to_json() -> Arc<ScalarUDF> {
    Arc::clone(&TO_JSON)
}

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let json = Function::new("json", &[Kind::Any], Returns::Json, json);
    vec![to_json(), json.udf()]
}

/// DuckDB's `json(x)`: text is JSON already, other values become JSON.
fn json(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    match Texts::try_new(&array) {
        Some(texts) => call.build_texts(|row| Ok(texts.get(row).map(minify))),
        None => kernel(call),
    }
}

fn kernel(call: &Call) -> Result<ArrayRef> {
    let values = values(&call.array(0)?)?;
    call.build_texts(|row| Ok(Some(&values[row]).filter(|value| !value.is_null()).map(Value::to_string)))
}

/// Reads an array as JSON values, NULL as `null`.
pub(crate) fn values(array: &ArrayRef) -> Result<Vec<Value>> {
    let mut values = match array.data_type() {
        DataType::Boolean => array.as_boolean().iter().map(|value| value.map_or(Value::Null, Value::from)).collect(),
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let items = items(list.values(), is_json(item))?;
            let offsets = list.value_offsets();
            offsets.windows(2).map(|ends| Value::from(items[ends[0] as usize..ends[1] as usize].to_vec())).collect()
        }
        DataType::Struct(fields) => {
            let members = array.as_struct().columns().iter().zip(fields);
            let members = members.map(|(column, field)| Ok((field.name(), items(column, is_json(field))?)));
            let members: Vec<(&String, Vec<Value>)> = members.collect::<Result<_>>()?;
            let object = |row: usize| members.iter().map(move |(name, values)| ((*name).clone(), values[row].clone()));
            (0..array.len()).map(|row| Value::Object(object(row).collect())).collect()
        }
        DataType::Map(..) => map_values(array)?,
        DataType::Null => vec![Value::Null; array.len()],
        numeric if numeric.is_integer() => {
            let ints = cast(array, &DataType::Int64)?;
            ints.as_primitive::<Int64Type>().iter().map(|value| value.map_or(Value::Null, Value::from)).collect()
        }
        numeric if numeric.is_numeric() => {
            let floats = cast(array, &DataType::Float64)?;
            floats.as_primitive::<Float64Type>().iter().map(|value| value.map_or(Value::Null, Value::from)).collect()
        }
        _ => texts(array)?,
    };
    for (row, value) in values.iter_mut().enumerate() {
        if array.is_null(row) {
            *value = Value::Null;
        }
    }
    Ok(values)
}

/// Values of which JSON text counts as what it says.
fn items(array: &ArrayRef, are_json: bool) -> Result<Vec<Value>> {
    match Texts::try_new(array) {
        Some(texts) if are_json => {
            let parse = |row| texts.get(row).and_then(|json| serde_json::from_str(json).ok()).unwrap_or(Value::Null);
            Ok((0..array.len()).map(parse).collect())
        }
        _ => values(array),
    }
}

/// Members in the order of their names, as Trino has them.
fn map_values(array: &ArrayRef) -> Result<Vec<Value>> {
    let map = array.as_map();
    let keys = texts(map.keys())?;
    let are_json = match map.entries().fields().get(1) {
        Some(field) => is_json(field),
        None => false,
    };
    let values = items(map.values(), are_json)?;
    let object = |ends: &[i32]| {
        let entries = (ends[0] as usize..ends[1] as usize).map(|at| {
            let key = keys[at].as_str().map_or_else(|| keys[at].to_string(), str::to_owned);
            (key, values[at].clone())
        });
        let mut entries: Vec<(String, Value)> = entries.collect();
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        Value::Object(entries.into_iter().collect::<Map<_, _>>())
    };
    Ok(map.value_offsets().windows(2).map(object).collect())
}

fn texts(array: &ArrayRef) -> Result<Vec<Value>> {
    if let Some(texts) = Texts::try_new(array) {
        return Ok((0..array.len()).map(|row| texts.get(row).map_or(Value::Null, Value::from)).collect());
    }
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array, &options)?;
    Ok((0..array.len()).map(|row| Value::from(formatter.value(row).to_string())).collect())
}
