//! DuckDB's counts of milliseconds and microseconds since 1970.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, FieldRef};
use chrono::{DateTime, Utc};
use datafusion::common::Result;
use datafusion::logical_expr::ReturnFieldArgs;

use super::moment::{Moments, utc_array};
use crate::function::{Call, Function, Kind, Returns, utc};

const MICROS_PER_MILLI: i64 = 1_000;

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("epoch_ms", &[Kind::Any], Returns::From(other_side), epoch_ms),
        Function::new("epoch_us", &[Kind::Time], Returns::Type(DataType::Int64), |call| counts(call, 1)),
    ]
}

/// `epoch_ms` reads a number as a time, and counts for a time.
fn other_side(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let data_type = if is_number(args.arg_fields[0].data_type()) { utc() } else { DataType::Int64 };
    Ok(Arc::new(Field::new("epoch_ms", data_type, true)))
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || data_type.is_null()
}

fn epoch_ms(call: &Call) -> Result<ArrayRef> {
    if !is_number(&call.data_type(0)) {
        return counts(call, MICROS_PER_MILLI);
    }
    let moment = |millis: Option<i64>| DateTime::<Utc>::from_timestamp_millis(millis?);
    Ok(Arc::new(utc_array(call.ints(0)?.into_iter().map(moment))))
}

fn counts(call: &Call, micros: i64) -> Result<ArrayRef> {
    let times = Moments::try_new(&call.array(0)?)?;
    let count = |row| Some(times.get(row)?.timestamp_micros().div_euclid(micros));
    Ok(Arc::new((0..call.rows).map(count).collect::<Int64Array>()))
}
