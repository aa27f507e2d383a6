//! `sequence(start, stop)` without a step: whole numbers, or days, and downwards where `stop` is before `start`.
//!
//! See "Array functions and operators" in Trino's documentation. With a step it is DataFusion's `generate_series`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Int32Type, Int64Type};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{ReturnFieldArgs, ScalarUDF};

use crate::function::{Call, Function, Kind, Returns};

/// Trino's limit.
const MAX_ENTRIES: usize = 10_000;

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![Function::new("sequence", &[Kind::Any, Kind::Any], Returns::From(returns), sequence).udf()]
}

fn returns(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let [start, stop] = [0, 1].map(|index| args.arg_fields[index].data_type());
    let is_number = |data_type: &DataType| data_type.is_integer() || data_type.is_null();
    let is_date = |data_type: &DataType| matches!(data_type, DataType::Date32) || data_type.is_null();
    let element = if is_number(start) && is_number(stop) {
        DataType::Int64
    } else if is_date(start) && is_date(stop) {
        DataType::Date32
    } else {
        return plan_err!(
            "sequence({start}, {stop}) needs a step: sequence(a, b, INTERVAL '1' HOUR), or whole numbers, or dates"
        );
    };
    Ok(Arc::new(Field::new("sequence", DataType::new_list(element, true), true)))
}

fn sequence(call: &Call) -> Result<ArrayRef> {
    let DataType::List(element) = call.return_field.data_type() else {
        return exec_err!("sequence gives an array");
    };
    let [starts, stops] = [wide(&call.array(0)?)?, wide(&call.array(1)?)?];
    let (mut values, mut lengths) = (Vec::new(), Vec::with_capacity(call.rows));
    for row in 0..call.rows {
        let before = values.len();
        if starts.is_valid(row) && stops.is_valid(row) {
            let (start, stop) = (starts.value(row), stops.value(row));
            if start.abs_diff(stop) >= MAX_ENTRIES as u64 {
                return exec_err!("sequence({start}, {stop}) has more than {MAX_ENTRIES} entries");
            }
            if start <= stop {
                values.extend(start..=stop);
            } else {
                values.extend((stop..=start).rev());
            }
        }
        lengths.push(values.len() - before);
    }
    let values: ArrayRef = Arc::new(Int64Array::from(values));
    let values = match element.data_type() {
        DataType::Date32 => cast(&cast(&values, &DataType::Int32)?, &DataType::Date32)?,
        _ => values,
    };
    let nulls = NullBuffer::union(starts.nulls(), stops.nulls());
    Ok(Arc::new(ListArray::try_new(Arc::clone(element), OffsetBuffer::from_lengths(lengths), values, nulls)?))
}

/// Whole numbers, or dates as days since 1970.
fn wide(array: &ArrayRef) -> Result<Int64Array> {
    let days = matches!(array.data_type(), DataType::Date32).then(|| cast(array, &DataType::Int32)).transpose()?;
    Ok(match days {
        Some(days) => days.as_primitive::<Int32Type>().unary(i64::from),
        None => cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone(),
    })
}
