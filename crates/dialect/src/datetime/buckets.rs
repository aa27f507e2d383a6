//! `time_bucket(width, time)` of DuckDB: the start of the bucket of that width that a time is in.
//!
//! Buckets of months are counted from January 2000, others from the Monday behind it, as in
//! <https://duckdb.org/docs/stable/sql/functions/timestamp>, or from the third argument.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, FieldRef, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
    TimestampMicrosecondType,
};
use chrono::{DateTime, Datelike, NaiveDate};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ReturnFieldArgs;

use crate::function::{Call, Function, Kind, Returns};

/// 2000-01-03, a Monday.
const MONDAY_MICROS: i64 = 946_857_600_000_000;
/// 2000-01-01.
const JANUARY_MICROS: i64 = 946_684_800_000_000;
const MICROS_PER_DAY: i64 = 86_400_000_000;
const NANOS_PER_MICRO: i64 = 1_000;
const MONTHS_PER_YEAR: i64 = 12;

pub(super) fn function() -> Function {
    Function::new("time_bucket", &[Kind::Any, Kind::Time, Kind::Time], Returns::From(returns), time_bucket)
        .optional_after(2)
}

fn returns(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    Ok(Arc::new(Field::new("time_bucket", args.arg_fields[1].data_type().clone(), true)))
}

fn time_bucket(call: &Call) -> Result<ArrayRef> {
    let widths = cast(&call.array(0)?, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let widths = widths.as_primitive::<IntervalMonthDayNanoType>();
    let times = micros(&call.array(1)?)?;
    let origins = if call.len() > 2 { Some(micros(&call.array(2)?)?) } else { None };
    let bucket = |row: usize| {
        let origin = match &origins {
            Some(origins) if origins.is_null(row) => return Ok(None),
            Some(origins) => Some(origins.value(row)),
            None => None,
        };
        if widths.is_null(row) || times.is_null(row) {
            return Ok(None);
        }
        start(widths.value(row), times.value(row), origin).map(Some)
    };
    let starts = (0..call.rows).map(bucket).collect::<Result<TimestampMicrosecondArray>>()?;
    let starts: ArrayRef = Arc::new(match times.timezone() {
        Some(zone) => starts.with_timezone(zone),
        None => starts,
    });
    Ok(cast(&starts, call.return_field.data_type())?)
}

fn micros(times: &ArrayRef) -> Result<TimestampMicrosecondArray> {
    let zone = match times.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let times = cast(times, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
    Ok(times.as_primitive::<TimestampMicrosecondType>().clone())
}

fn start(width: IntervalMonthDayNano, time: i64, origin: Option<i64>) -> Result<i64> {
    let beyond = || exec_datafusion_err!("time_bucket: the bucket begins beyond the calendar");
    let days = i64::from(width.days).checked_mul(MICROS_PER_DAY).ok_or_else(beyond)?;
    let span = days.checked_add(width.nanoseconds / NANOS_PER_MICRO).ok_or_else(beyond)?;
    match (width.months, span) {
        (0, span) if span > 0 => {
            let origin = origin.unwrap_or(MONDAY_MICROS);
            let offset = time.checked_sub(origin).ok_or_else(beyond)?.rem_euclid(span);
            time.checked_sub(offset).ok_or_else(beyond)
        }
        (months, 0) if months > 0 => {
            let [time, origin] = [time, origin.unwrap_or(JANUARY_MICROS)].map(month);
            let (time, origin) = (time.ok_or_else(beyond)?, origin.ok_or_else(beyond)?);
            let first = time - (time - origin).rem_euclid(i64::from(months));
            first_day(first).ok_or_else(beyond)
        }
        _ => exec_err!("time_bucket takes a width above 0, of months or of smaller units"),
    }
}

/// Counts months from the year 0 on.
fn month(micros: i64) -> Option<i64> {
    let date = DateTime::from_timestamp_micros(micros)?;
    Some(i64::from(date.year()) * MONTHS_PER_YEAR + i64::from(date.month0()))
}

fn first_day(month: i64) -> Option<i64> {
    let year = i32::try_from(month.div_euclid(MONTHS_PER_YEAR)).ok()?;
    let day = NaiveDate::from_ymd_opt(year, month.rem_euclid(MONTHS_PER_YEAR) as u32 + 1, 1)?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}
