//! Elements of arrays and members of maps.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, StringArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, nullif, take};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::functions_nested::array_has::array_has_udf;
use datafusion::functions_nested::min_max::{array_max_udf, array_min_udf};
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF};

use super::maps::map_value;
use crate::function::{Call, Function, Kind, Returns, Texts};
use crate::json::{Cursor, json_element, json_entry};
use crate::text::cidr_contains;

const ANY: Kind = Kind::Any;

static ELEMENT_AT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Function::new("element_at", &[ANY, ANY], Returns::From(type_of_element), |call| element(call, OutOfRange::Null))
        .udf()
});

static SUBSCRIPT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Function::new("subscript", &[ANY, ANY], Returns::From(type_of_element), |call| element(call, OutOfRange::Error))
        .udf()
});

/// `element_at(x, k)`: an element or a member, NULL where there is none.
pub(crate) fn element_at() -> Arc<ScalarUDF> {
    Arc::clone(&ELEMENT_AT)
}

/// `x[n]` for an array: an index out of range is an error, as in Trino.
pub(crate) fn subscript() -> Arc<ScalarUDF> {
    Arc::clone(&SUBSCRIPT)
}

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    [
        Function::new("cardinality", &[ANY], Returns::Type(DataType::Int64), cardinality).udf(),
        Function::new("len", &[ANY], Returns::Type(DataType::Int64), length).udf(),
        Function::new("reverse", &[ANY], Returns::From(|args| Ok(Arc::clone(&args.arg_fields[0]))), reverse).udf(),
        Function::new("contains", &[ANY, ANY], Returns::Type(DataType::Boolean), contains).udf(),
        Function::new("array_max", &[ANY], Returns::From(type_of_element), |call| known(call, &array_max_udf())).udf(),
        Function::new("array_min", &[ANY], Returns::From(type_of_element), |call| known(call, &array_min_udf())).udf(),
        Function::new("list_max", &[ANY], Returns::From(type_of_element), |call| extreme(call, &array_max_udf())).udf(),
        Function::new("list_min", &[ANY], Returns::From(type_of_element), |call| extreme(call, &array_min_udf())).udf(),
        element_at(),
        subscript(),
    ]
    .into()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OutOfRange {
    Null,
    Error,
}

fn type_of_element(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let field = &args.arg_fields[0];
    let element = match field.data_type() {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => item.as_ref().clone(),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => fields[1].as_ref().clone(),
            other => return plan_err!("a map has entries of a key and a value, not {other}"),
        },
        text if text.is_string() => Field::new("value", DataType::Utf8, true),
        DataType::Null => Field::new("value", DataType::Null, true),
        other => return plan_err!("element_at takes an array, a map or JSON text, not {other}"),
    };
    Ok(Arc::new(element.with_nullable(true)))
}

fn element(call: &Call, out_of_range: OutOfRange) -> Result<ArrayRef> {
    match call.data_type(0) {
        DataType::List(_) => list_element(call, out_of_range),
        DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            let list = cast(&call.array(0)?, &DataType::List(item))?;
            element_of_list(&list, &call.ints(1)?, out_of_range)
        }
        DataType::Map(..) => map_value(&call.array(0)?, &call.array(1)?),
        DataType::Null => call.array(0),
        _ => json_element_of(call),
    }
}

fn list_element(call: &Call, out_of_range: OutOfRange) -> Result<ArrayRef> {
    element_of_list(&call.array(0)?, &call.ints(1)?, out_of_range)
}

fn element_of_list(list: &ArrayRef, indexes: &[Option<i64>], out_of_range: OutOfRange) -> Result<ArrayRef> {
    let list = list.as_list::<i32>();
    let offsets = list.value_offsets();
    let mut places = Vec::with_capacity(indexes.len());
    for (row, index) in indexes.iter().enumerate() {
        let (Some(index), true) = (index, list.is_valid(row)) else {
            places.push(None);
            continue;
        };
        let length = i64::from(offsets[row + 1] - offsets[row]);
        if *index == 0 {
            return exec_err!("array subscripts count from 1");
        }
        let place = match *index {
            index if (1..=length).contains(&index) => Some(index - 1),
            index if (-length..0).contains(&index) && out_of_range == OutOfRange::Null => Some(length + index),
            _ if out_of_range == OutOfRange::Null => None,
            index if index < 0 => return exec_err!("the array subscript is negative: {index}"),
            index => {
                return exec_err!(
                    "the array subscript {index} is beyond the array's {length} elements; element_at(…) gives NULL there"
                );
            }
        };
        places.push(place.and_then(|place| u32::try_from(i64::from(offsets[row]) + place).ok()));
    }
    Ok(take(list.values(), &UInt32Array::from(places), None)?)
}

/// JSON text is a map of its members, or an array.
fn json_element_of(call: &Call) -> Result<ArrayRef> {
    let key = call.array(1)?;
    let member = if key.data_type().is_integer() { json_element() } else { json_entry() };
    delegate(&member, vec![call.array(0)?, key], call)
}

/// The largest or smallest element, as DuckDB and `max` over the elements have it: among those that are not NULL.
fn extreme(call: &Call, udf: &ScalarUDF) -> Result<ArrayRef> {
    let array = call.array(0)?;
    match array.data_type() {
        DataType::Null => Ok(array),
        DataType::List(_) => delegate(udf, vec![array], call),
        other => exec_err!("{} takes an array, not {other}", udf.name()),
    }
}

/// As [`extreme`], but NULL where an element is NULL, as in Trino.
fn known(call: &Call, udf: &ScalarUDF) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let extremes = extreme(call, udf)?;
    let Some(lists) = array.as_list_opt::<i32>() else { return Ok(extremes) };
    let has_null = |row: usize| lists.is_valid(row) && lists.value(row).logical_null_count() > 0;
    let has_null: BooleanArray = (0..call.rows).map(|row| Some(has_null(row))).collect();
    Ok(nullif(&extremes, &has_null)?)
}

/// Runs another function on arrays.
fn delegate(udf: &ScalarUDF, arrays: Vec<ArrayRef>, call: &Call) -> Result<ArrayRef> {
    let fields = arrays.iter().map(|array| Arc::new(Field::new("", array.data_type().clone(), true))).collect();
    let answer = udf.invoke_with_args(ScalarFunctionArgs {
        args: arrays.into_iter().map(ColumnarValue::Array).collect(),
        arg_fields: fields,
        number_rows: call.rows,
        return_field: Arc::clone(&call.return_field),
        config_options: Arc::new(ConfigOptions::default()),
    })?;
    answer.into_array(call.rows)
}

fn cardinality(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let lengths: Int64Array = match array.data_type() {
        DataType::List(_) => lengths(array.as_list::<i32>().value_offsets(), &array),
        DataType::Map(..) => lengths(array.as_map().value_offsets(), &array),
        DataType::Null => Int64Array::from(vec![None; call.rows]),
        _ => match Texts::try_new(&array) {
            Some(texts) => (0..call.rows).map(|row| texts.get(row).and_then(json_length)).collect(),
            None => return exec_err!("cardinality takes an array, a map or JSON text, not {}", array.data_type()),
        },
    };
    Ok(Arc::new(lengths))
}

/// DuckDB's `len(x)`: characters of text, elements of others.
fn length(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let Some(texts) = Texts::try_new(&array) else { return cardinality(call) };
    let count = |row| texts.get(row).map(|text| text.chars().count() as i64);
    Ok(Arc::new((0..call.rows).map(count).collect::<Int64Array>()))
}

fn lengths(offsets: &[i32], array: &ArrayRef) -> Int64Array {
    let length = |row: usize| array.is_valid(row).then(|| i64::from(offsets[row + 1] - offsets[row]));
    (0..array.len()).map(length).collect()
}

fn json_length(json: &str) -> Option<i64> {
    let mut length = 0;
    let cursor = Cursor::new(json);
    match cursor.peek()? {
        b'{' => cursor.members(|_, _| {
            length += 1;
            true
        })?,
        _ => cursor.elements(|_| {
            length += 1;
            true
        })?,
    }
    Some(length)
}

/// Text by characters, arrays by elements.
fn reverse(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let DataType::List(item) = array.data_type() else {
        let text = cast(&array, &DataType::Utf8)?;
        let reversed =
            text.as_string::<i32>().iter().map(|text| text.map(|text| text.chars().rev().collect::<String>()));
        let reversed: ArrayRef = Arc::new(reversed.collect::<StringArray>());
        return Ok(cast(&reversed, array.data_type())?);
    };
    let list = array.as_list::<i32>();
    let places = list.value_offsets().windows(2).flat_map(|ends| (ends[0]..ends[1]).rev()).map(|at| at as u32);
    let values = take(list.values(), &UInt32Array::from_iter_values(places), None)?;
    let lengths = OffsetBuffer::from_lengths(list.value_offsets().windows(2).map(|ends| (ends[1] - ends[0]) as usize));
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), lengths, values, list.nulls().cloned())?))
}

/// Whether an array has an element, a network an address, or, as in DuckDB, a text another.
fn contains(call: &Call) -> Result<ArrayRef> {
    let (haystack, needle) = (call.array(0)?, call.array(1)?);
    if let DataType::List(item) = haystack.data_type() {
        // A list of nothing but NULL, or an empty one, has no type.
        let item = if item.data_type().is_null() { needle.data_type() } else { item.data_type() };
        let haystack = cast(&haystack, &DataType::new_list(item.clone(), true))?;
        let needle = cast(&needle, item)?;
        let found = delegate(&array_has_udf(), vec![Arc::clone(&haystack), needle], call)?;
        return null_where_unknown(&haystack, &found);
    }
    let haystack = cast(&haystack, &DataType::Utf8)?;
    let needle = cast(&needle, &DataType::Utf8)?;
    let (haystack, needle) = (haystack.as_string::<i32>(), needle.as_string::<i32>());
    let verdict = |(haystack, needle): (Option<&str>, Option<&str>)| {
        let (haystack, needle) = (haystack?, needle?);
        match cidr_contains(haystack, needle) {
            Some(verdict) if haystack.contains('/') => Some(verdict),
            _ => Some(haystack.contains(needle)),
        }
    };
    Ok(Arc::new(haystack.iter().zip(needle).map(verdict).collect::<BooleanArray>()))
}

/// An array with a NULL may hold what was not found.
fn null_where_unknown(lists: &ArrayRef, found: &ArrayRef) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let found = found.as_boolean();
    let verdict = |row: usize| match found.is_valid(row).then(|| found.value(row)) {
        Some(false) if lists.value(row).logical_null_count() > 0 => None,
        verdict => verdict,
    };
    Ok(Arc::new((0..found.len()).map(verdict).collect::<BooleanArray>()))
}
