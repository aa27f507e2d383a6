//! JSON as SQL values: `CAST(json AS varchar)`, `… AS ARRAY(varchar)`, `… AS MAP(varchar, json)`, `… AS ROW(a bigint)`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ListArray, MapArray, StringArray, StructArray, new_null_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use serde_json::Value;

use super::is_json;
use crate::function::Texts;

/// A cast of JSON to the type of `target`; what has no such value is an error.
pub(crate) fn json_cast(json: Expr, target: FieldRef) -> Expr {
    call(json, target, false)
}

/// A cast of JSON to the type of `target`; what has no such value is NULL.
pub(crate) fn json_try_cast(json: Expr, target: FieldRef) -> Expr {
    call(json, target, true)
}

fn call(json: Expr, target: FieldRef, is_safe: bool) -> Expr {
    let signature = Signature::any(1, Volatility::Immutable);
    let function = ScalarUDF::new_from_impl(JsonCast { target, is_safe, signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![json]))
}

#[derive(Debug, PartialEq, Eq)]
struct JsonCast {
    target: FieldRef,
    is_safe: bool,
    signature: Signature,
}

impl Hash for JsonCast {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.target.hash(state);
        self.is_safe.hash(state);
    }
}

impl ScalarUDFImpl for JsonCast {
    fn name(&self) -> &str {
        "json_cast"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.target.data_type().clone())
    }

    fn return_field_from_args(&self, _args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(self.target.as_ref().clone().with_nullable(true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // A scalar of a nested type forgets which of its parts are JSON.
        let is_constant = matches!(args.args[0], ColumnarValue::Scalar(_)) && !self.target.data_type().is_nested();
        let array = args.args[0].to_array(if is_constant { 1 } else { args.number_rows })?;
        let answer = cast_texts(&array, &self.target, self.is_safe)?;
        match is_constant {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&answer, 0)?)),
            false => Ok(ColumnarValue::Array(answer)),
        }
    }
}

/// Reads JSON text as values of the target's type.
pub(super) fn cast_texts(array: &ArrayRef, target: &Field, is_safe: bool) -> Result<ArrayRef> {
    let Some(texts) = Texts::try_new(array) else { return exec_err!("a cast of JSON needs JSON text") };
    let mut values = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        let value = texts.get(row).map(serde_json::from_str::<Value>).transpose();
        match value {
            Ok(value) => values.push(value),
            Err(_) if is_safe => values.push(None),
            Err(error) => return exec_err!("a cast of JSON met text that is no JSON: {error}"),
        }
    }
    let values: Vec<Option<&Value>> = values.iter().map(Option::as_ref).collect();
    build(&values, target, is_safe)
}

/// Builds a column of the field's type; values of another kind are errors, or NULL.
fn build(values: &[Option<&Value>], field: &Field, is_safe: bool) -> Result<ArrayRef> {
    let present = |value: &Option<&Value>| value.filter(|value| is_json(field) || !value.is_null()).is_some();
    let nulls = || NullBuffer::from_iter(values.iter().map(present));
    match field.data_type() {
        DataType::List(item) => {
            let lists = nested(values, is_safe, "array", |value| value.as_array())?;
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.map_or(0, Vec::len)));
            let items: Vec<Option<&Value>> = lists.iter().flatten().flat_map(|list| list.iter().map(Some)).collect();
            let nulls = NullBuffer::from_iter(lists.iter().map(Option::is_some));
            Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, build(&items, item, is_safe)?, Some(nulls))?))
        }
        DataType::Map(entries, _) => build_maps(values, entries, is_safe),
        DataType::Struct(fields) => {
            let columns = fields.iter().enumerate().map(|(index, field)| {
                let members: Vec<_> = values.iter().map(|value| member(*value, field.name(), index)).collect();
                build(&members, field, is_safe)
            });
            let columns = columns.collect::<Result<Vec<_>>>()?;
            Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, Some(nulls()), values.len())?))
        }
        data_type => build_leaves(values, data_type, is_json(field), is_safe),
    }
}

/// Takes the arrays, or the objects, out of the values.
fn nested<'a, T>(
    values: &[Option<&'a Value>],
    is_safe: bool,
    wanted: &str,
    take: impl Fn(&'a Value) -> Option<&'a T>,
) -> Result<Vec<Option<&'a T>>> {
    let one = |value: &Option<&'a Value>| match value.filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => match take(value) {
            Some(taken) => Ok(Some(taken)),
            None if is_safe => Ok(None),
            None => exec_err!("a cast of JSON wants an {wanted}, not {value}"),
        },
    };
    values.iter().map(one).collect()
}

fn build_maps(values: &[Option<&Value>], entries: &FieldRef, is_safe: bool) -> Result<ArrayRef> {
    let DataType::Struct(fields) = entries.data_type() else {
        return exec_err!("a map has entries of a key and a value");
    };
    let objects = nested(values, is_safe, "object", |value| value.as_object())?;
    let offsets = OffsetBuffer::from_lengths(objects.iter().map(|object| object.map_or(0, |object| object.len())));
    let names: Vec<Value> =
        objects.iter().flatten().flat_map(|object| object.keys().map(|key| Value::from(key.as_str()))).collect();
    let keys = build(&names.iter().map(Some).collect::<Vec<_>>(), &fields[0], is_safe)?;
    let members: Vec<Option<&Value>> = objects.iter().flatten().flat_map(|object| object.values().map(Some)).collect();
    let members = build(&members, &fields[1], is_safe)?;
    let nulls = NullBuffer::from_iter(objects.iter().map(Option::is_some));
    let length = keys.len();
    let columns = StructArray::try_new_with_length(fields.clone(), vec![keys, members], None, length)?;
    Ok(Arc::new(MapArray::try_new(Arc::clone(entries), offsets, columns, Some(nulls), false)?))
}

/// A member of an object by name, exactly or in another case, or an element of an array by place.
fn member<'a>(value: Option<&'a Value>, name: &str, index: usize) -> Option<&'a Value> {
    match value? {
        Value::Object(object) => object
            .get(name)
            .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)),
        Value::Array(array) => array.get(index),
        _ => None,
    }
}

fn build_leaves(values: &[Option<&Value>], data_type: &DataType, as_json: bool, is_safe: bool) -> Result<ArrayRef> {
    if data_type.is_null() {
        return Ok(new_null_array(data_type, values.len()));
    }
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        texts.push(match value {
            None => None,
            Some(value) if as_json => Some(value.to_string()),
            Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(value @ (Value::Array(_) | Value::Object(_))) => match is_safe || data_type.is_string() {
                // CloudTrail Lake's maps hold nested values as JSON text.
                true => data_type.is_string().then(|| value.to_string()),
                false => return exec_err!("a cast of JSON wants one {data_type}, not {value}"),
            },
            Some(Value::Number(number)) if data_type.is_integer() => Some(whole(number)),
            Some(Value::Bool(value)) if data_type.is_numeric() => Some(u8::from(*value).to_string()),
            Some(value) => Some(value.to_string()),
        });
    }
    let texts: ArrayRef = Arc::new(StringArray::from(texts));
    let options = CastOptions { safe: is_safe, ..CastOptions::default() };
    Ok(cast_with_options(&texts, data_type, &options)?)
}

/// A number without its fraction, rounded half away from zero.
fn whole(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if !number.is_i64() && !number.is_u64() => format!("{:.0}", float.round()),
        _ => number.to_string(),
    }
}
