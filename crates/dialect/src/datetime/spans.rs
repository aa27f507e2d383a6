//! Spans of time that are counted or multiplied: `INTERVAL (n) DAY`, `to_days(n)`, `2 * INTERVAL '1' DAY`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::{Result, exec_datafusion_err, exec_err};

use crate::function::{Call, Function, Kind, Returns};

const NANOS_PER_DAY: f64 = 86_400e9;
const NANOS_PER_MICRO: f64 = 1e3;

pub(super) fn functions() -> Vec<Function> {
    let interval = || Returns::Type(interval_type());
    vec![
        Function::new("interval_of", &[Kind::Float, Kind::Text], interval(), interval_of),
        Function::new("interval_times", &[Kind::Any, Kind::Float], interval(), |call| scaled(call, |n| n)),
        Function::new("interval_over", &[Kind::Any, Kind::Float], interval(), interval_over),
    ]
}

pub(crate) fn interval_type() -> DataType {
    DataType::Interval(IntervalUnit::MonthDayNano)
}

/// Intervals by so many.
pub(crate) fn interval_over(call: &Call) -> Result<ArrayRef> {
    scaled(call, |n| 1.0 / n)
}

fn interval_of(call: &Call) -> Result<ArrayRef> {
    let (counts, units) = (floats(call, 0)?, call.texts(1)?);
    let interval = |row: usize| match (counts[row], units.get(row)) {
        (Some(count), Some(unit)) => of(count, unit).map(Some),
        _ => Ok(None),
    };
    Ok(Arc::new((0..call.rows).map(interval).collect::<Result<IntervalMonthDayNanoArray>>()?))
}

/// So many of a unit; those of a second and above are whole, as DuckDB's are.
fn of(count: f64, unit: &str) -> Result<IntervalMonthDayNano> {
    let whole = count.round();
    let span = match unit {
        "millennium" => (12_000.0 * whole, 0.0, 0.0),
        "century" => (1_200.0 * whole, 0.0, 0.0),
        "decade" => (120.0 * whole, 0.0, 0.0),
        "year" => (12.0 * whole, 0.0, 0.0),
        "quarter" => (3.0 * whole, 0.0, 0.0),
        "month" => (whole, 0.0, 0.0),
        "week" => (0.0, 7.0 * whole, 0.0),
        "day" => (0.0, whole, 0.0),
        "hour" => (0.0, 0.0, 3_600e9 * whole),
        "minute" => (0.0, 0.0, 60e9 * whole),
        "second" => (0.0, 0.0, 1e9 * count),
        "millisecond" => (0.0, 0.0, 1e6 * count),
        "microsecond" => (0.0, 0.0, NANOS_PER_MICRO * whole),
        _ => return exec_err!("'{unit}' is no unit of an interval; write DAY, HOUR, MONTH or the like"),
    };
    interval(span)
}

/// An interval of months, days and nanoseconds, these to the microsecond.
fn interval((months, days, nanos): (f64, f64, f64)) -> Result<IntervalMonthDayNano> {
    let too_long = || exec_datafusion_err!("the interval is too long");
    let small = |number: f64| (number.abs() <= f64::from(i32::MAX)).then_some(number as i32).ok_or_else(too_long);
    let nanos = (nanos / NANOS_PER_MICRO).round() * NANOS_PER_MICRO;
    let nanos = (nanos.abs() < i64::MAX as f64).then_some(nanos as i64).ok_or_else(too_long)?;
    Ok(IntervalMonthDayNano::new(small(months)?, small(days)?, nanos))
}

/// Intervals by a factor; what is less than a day becomes a part of one, what is less than a month is left out.
fn scaled(call: &Call, factor: fn(f64) -> f64) -> Result<ArrayRef> {
    let spans = cast(&call.array(0)?, &interval_type())?;
    let spans = spans.as_primitive::<IntervalMonthDayNanoType>();
    let numbers = floats(call, 1)?;
    let one = |(span, number): (Option<IntervalMonthDayNano>, Option<f64>)| {
        span.zip(number).map(|(span, number)| by(span, factor(number))).transpose()
    };
    Ok(Arc::new(spans.iter().zip(numbers).map(one).collect::<Result<IntervalMonthDayNanoArray>>()?))
}

fn by(span: IntervalMonthDayNano, factor: f64) -> Result<IntervalMonthDayNano> {
    if !factor.is_finite() {
        return exec_err!("an interval cannot be divided by 0");
    }
    let days = f64::from(span.days) * factor;
    let nanos = span.nanoseconds as f64 * factor + days.fract() * NANOS_PER_DAY;
    interval(((f64::from(span.months) * factor).trunc(), days.trunc(), nanos))
}

fn floats(call: &Call, index: usize) -> Result<Vec<Option<f64>>> {
    let array = cast(&call.array(index)?, &DataType::Float64)?;
    Ok(array.as_primitive::<Float64Type>().iter().collect())
}
