//! Spans of time: reading them, and counting their milliseconds.
//!
//! See "Date and time functions and operators" in Trino's documentation
//! (<https://trino.io/docs/current/functions/datetime.html>).

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, IntervalMonthDayNanoArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, DurationMillisecondType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::{Result, exec_datafusion_err, exec_err};

use crate::function::{Call, Function, Kind, Returns};

/// The name of the function that gives a number by which intervals compare.
pub(crate) const SPAN_ORDER: &str = "span_order";

/// A month as DuckDB compares one with days; in Trino the two never meet.
const DAYS_PER_MONTH: i64 = 30;

/// Milliseconds of a day.
pub(crate) const MILLIS_PER_DAY: i64 = 86_400_000;
const NANOS_PER_MILLI: i64 = 1_000_000;

pub(super) fn functions() -> Vec<Function> {
    let interval = DataType::Interval(IntervalUnit::MonthDayNano);
    vec![
        Function::new("parse_duration", &[Kind::Text], Returns::Type(interval), parse_duration),
        Function::new("to_milliseconds", &[Kind::Any], Returns::Type(DataType::Int64), to_milliseconds),
        Function::new(SPAN_ORDER, &[Kind::Any], Returns::Type(DataType::Int64), span_order),
    ]
}

/// `'42.8ms'`, `'3.81 d'`: a number and a unit, to the millisecond.
fn parse_duration(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let interval = |row| texts.get(row).map(|text| millis(text).map(interval_of)).transpose();
    Ok(Arc::new((0..call.rows).map(interval).collect::<Result<IntervalMonthDayNanoArray>>()?))
}

fn millis(text: &str) -> Result<i64> {
    let wrong = || exec_datafusion_err!("'{text}' is no duration: a number and ns, us, ms, s, m, h or d, as in '1.5h'");
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (number, unit) = (&trimmed[..end], trimmed[end..].trim_start());
    let is_number = number.starts_with(|c: char| c.is_ascii_digit()) && number.ends_with(|c: char| c.is_ascii_digit());
    let number: f64 = number.parse().ok().filter(|_| is_number).ok_or_else(wrong)?;
    let unit = match unit {
        "ns" => 1e-6,
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 60e3,
        "h" => 3600e3,
        "d" => MILLIS_PER_DAY as f64,
        _ => return Err(wrong()),
    };
    let millis = (number * unit).round();
    // Days are counted in 32 bits.
    if millis >= f64::from(i32::MAX) * MILLIS_PER_DAY as f64 {
        return exec_err!("'{text}' is too long a time");
    }
    Ok(millis as i64)
}

fn interval_of(millis: i64) -> IntervalMonthDayNano {
    IntervalMonthDayNano::new(0, (millis / MILLIS_PER_DAY) as i32, millis % MILLIS_PER_DAY * NANOS_PER_MILLI)
}

fn to_milliseconds(call: &Call) -> Result<ArrayRef> {
    in_milliseconds(call, millis_of)
}

/// Milliseconds, with months of 30 days.
fn span_order(call: &Call) -> Result<ArrayRef> {
    in_milliseconds(call, |span| {
        let days = i64::from(span.months) * DAYS_PER_MONTH + i64::from(span.days);
        Ok(days * MILLIS_PER_DAY + span.nanoseconds / NANOS_PER_MILLI)
    })
}

fn in_milliseconds(call: &Call, millis: fn(IntervalMonthDayNano) -> Result<i64>) -> Result<ArrayRef> {
    let spans = call.array(0)?;
    let numbers: Int64Array = match spans.data_type() {
        DataType::Duration(_) => {
            let spans = cast(&spans, &DataType::Duration(TimeUnit::Millisecond))?;
            spans.as_primitive::<DurationMillisecondType>().iter().collect()
        }
        DataType::Interval(_) => {
            let spans = cast(&spans, &DataType::Interval(IntervalUnit::MonthDayNano))?;
            let spans = spans.as_primitive::<IntervalMonthDayNanoType>();
            spans.iter().map(|span| span.map(millis).transpose()).collect::<Result<_>>()?
        }
        DataType::Null => Int64Array::from(vec![None; call.rows]),
        other => return exec_err!("an interval is expected here, not {other}"),
    };
    Ok(Arc::new(numbers))
}

fn millis_of(span: IntervalMonthDayNano) -> Result<i64> {
    if span.months != 0 {
        return exec_err!("to_milliseconds takes days and smaller units; months have no fixed length");
    }
    Ok(i64::from(span.days) * MILLIS_PER_DAY + span.nanoseconds / NANOS_PER_MILLI)
}
