//! The functions on dates and times.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, TimeUnit};
use chrono::{DateTime, Datelike, NaiveDate, Offset, Timelike, Utc};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_err};
use datafusion::logical_expr::{ReturnFieldArgs, ScalarUDF};

use super::arithmetic::Unit;
use super::format::{format, parse};
use super::iso::{parse_date, parse_timestamp, text_range};
use super::items::Item;
use super::moment::{Moments, local, utc_array, zone};
use super::pattern::{joda_pattern, mysql_pattern};
use super::{buckets, duration, epoch, spans, truncate};
use crate::function::{Call, Function, Kind, Returns, utc};

const MICROS_PER_SECOND: f64 = 1e6;
const NANOS_PER_MICRO: i64 = 1_000;

/// The functions on dates and times.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    let moment = || Returns::Type(utc());
    let text = || Returns::Type(DataType::Utf8);
    let date = || Returns::Type(DataType::Date32);
    let int = || Returns::Type(DataType::Int64);
    let mut functions = vec![
        Function::new("date_format", &[Kind::Time, Kind::Text], text(), |call| format_by(call, mysql_pattern)),
        Function::new("format_datetime", &[Kind::Time, Kind::Text], text(), |call| format_by(call, joda_pattern)),
        Function::new("date_parse", &[Kind::TextOrTime, Kind::Text], moment(), |call| parse_by(call, mysql_pattern)),
        Function::new("parse_datetime", &[Kind::TextOrTime, Kind::Text], moment(), |call| parse_by(call, joda_pattern)),
        Function::new("from_iso8601_timestamp", &[Kind::TextOrTime], moment(), from_iso_timestamp)
            .aliases(&["from_iso8601_timestamp_nanos"]),
        Function::new("from_iso8601_date", &[Kind::TextOrTime], date(), from_iso_date),
        Function::new("to_iso8601", &[Kind::Any], text(), to_iso),
        Function::new("at_timezone", &[Kind::Time, Kind::Text], Returns::From(zone_of_call), at_timezone),
        Function::new("with_timezone", &[Kind::Time, Kind::Text], Returns::From(zone_of_call), with_timezone),
        Function::new("from_unixtime", &[Kind::Float, Kind::Any], Returns::From(zone_of_call), from_unixtime)
            .optional_after(1),
        Function::new("from_unixtime_nanos", &[Kind::Int], moment(), from_unixtime_nanos),
        Function::new("timezone", &[Kind::Time], text(), timezone),
        Function::new("to_unixtime", &[Kind::Time], Returns::Type(DataType::Float64), to_unixtime).aliases(&["epoch"]),
        Function::new("date_add", &[Kind::Text, Kind::Int, Kind::Any], Returns::From(type_of_sum), date_add),
        Function::new("date_diff", &[Kind::Text, Kind::Time, Kind::Time], int(), date_diff),
        Function::new("last_day_of_month", &[Kind::Time], date(), last_day_of_month),
        Function::new("current_timezone", &[], text(), |call| call.build_texts(|_| Ok(Some("UTC")))),
        // What comparisons of `eventtime` with text become; see `plan::time_text`.
        Function::new("text_time_start", &[Kind::Text], moment(), |call| text_bound(call, |range| range.start)),
        Function::new("text_time_end", &[Kind::Text], moment(), text_time_end),
    ];
    functions.extend(parts());
    functions.extend(duration::functions());
    functions.extend(epoch::functions());
    functions.extend(spans::functions());
    functions.push(buckets::function());
    functions.into_iter().map(Function::udf).chain([truncate::function()]).collect()
}

/// The functions that give one field of a time.
fn parts() -> Vec<Function> {
    macro_rules! part {
        ($name:literal, $aliases:expr, $field:expr) => {
            Function::new($name, &[Kind::Time], Returns::Type(DataType::Int64), |call| {
                let times = Moments::try_new(&call.array(0)?)?;
                let field: fn(&DateTime<Tz>) -> i64 = $field;
                let values = (0..call.rows).map(|row| times.get(row).map(|time| field(&time)));
                Ok(Arc::new(values.collect::<Int64Array>()))
            })
            .aliases(&$aliases)
        };
    }
    vec![
        part!("year", [], |time| time.year().into()),
        part!("quarter", [], |time| time.quarter().into()),
        part!("month", [], |time| time.month().into()),
        part!("week", ["week_of_year"], |time| time.iso_week().week().into()),
        part!("year_of_week", ["yow"], |time| time.iso_week().year().into()),
        part!("day", ["day_of_month"], |time| time.day().into()),
        part!("day_of_week", ["dow"], |time| time.weekday().number_from_monday().into()),
        part!("day_of_year", ["doy"], |time| time.ordinal().into()),
        part!("hour", [], |time| time.hour().into()),
        part!("minute", [], |time| time.minute().into()),
        part!("second", [], |time| time.second().into()),
        part!("millisecond", [], |time| (time.timestamp_subsec_millis()).into()),
        part!("timezone_hour", [], |time| (time.offset().fix().local_minus_utc() / 3600).into()),
        part!("timezone_minute", [], |time| (time.offset().fix().local_minus_utc() % 3600 / 60).into()),
    ]
}

/// The pattern of a call, parsed once where it is the same for all rows.
struct Patterns {
    constant: Option<Vec<Item>>,
    notation: fn(&str) -> Result<Vec<Item>>,
}

impl Patterns {
    fn new(call: &Call, notation: fn(&str) -> Result<Vec<Item>>) -> Result<Self> {
        let constant = call.constant(1).and_then(|value| value.try_as_str().flatten());
        Ok(Self { constant: constant.map(notation).transpose()?, notation })
    }

    fn with<T>(&self, pattern: &str, then: impl FnOnce(&[Item]) -> T) -> Result<T> {
        match &self.constant {
            Some(items) => Ok(then(items)),
            None => Ok(then(&(self.notation)(pattern)?)),
        }
    }
}

fn format_by(call: &Call, notation: fn(&str) -> Result<Vec<Item>>) -> Result<ArrayRef> {
    let (times, texts) = (Moments::try_new(&call.array(0)?)?, call.texts(1)?);
    let patterns = Patterns::new(call, notation)?;
    call.build_texts(|row| match (times.get(row), texts.get(row)) {
        (Some(time), Some(pattern)) => patterns.with(pattern, |items| Some(format(items, &time))),
        _ => Ok(None),
    })
}

fn parse_by(call: &Call, notation: fn(&str) -> Result<Vec<Item>>) -> Result<ArrayRef> {
    if let Some(times) = already_times(call)? {
        return Ok(times);
    }
    let (texts, formats) = (call.texts(0)?, call.texts(1)?);
    let patterns = Patterns::new(call, notation)?;
    collect_moments(call, |row| match (texts.get(row), formats.get(row)) {
        (Some(text), Some(pattern)) => patterns.with(pattern, |items| parse(items, text))?.map(Some),
        _ => Ok(None),
    })
}

/// The first argument as it is, where it is a time already: `eventtime`, which Athena has as text.
fn already_times(call: &Call) -> Result<Option<ArrayRef>> {
    match call.data_type(0) {
        DataType::Timestamp(..) => Ok(Some(cast(&call.array(0)?, &utc())?)),
        _ => Ok(None),
    }
}

fn collect_moments(call: &Call, moment: impl Fn(usize) -> Result<Option<DateTime<Utc>>>) -> Result<ArrayRef> {
    let moments: Vec<Option<DateTime<Utc>>> = (0..call.rows).map(moment).collect::<Result<_>>()?;
    Ok(Arc::new(utc_array(moments.into_iter())))
}

fn from_iso_timestamp(call: &Call) -> Result<ArrayRef> {
    if let Some(times) = already_times(call)? {
        return Ok(times);
    }
    let texts = call.texts(0)?;
    collect_moments(call, |row| match texts.get(row) {
        Some(text) => parse_timestamp(text).map(Some).ok_or_else(|| not_iso(call, text)),
        None => Ok(None),
    })
}

fn from_iso_date(call: &Call) -> Result<ArrayRef> {
    if let Some(times) = already_times(call)? {
        return Ok(cast(&times, &DataType::Date32)?);
    }
    let texts = call.texts(0)?;
    let read = |text: &str| parse_date(text).ok_or_else(|| not_iso(call, text));
    let dates = (0..call.rows).map(|row| texts.get(row).map(read).transpose());
    Ok(dates_array(dates.collect::<Result<Vec<_>>>()?))
}

fn not_iso(call: &Call, text: &str) -> datafusion::error::DataFusionError {
    exec_datafusion_err!("{}: '{text}' is no ISO 8601 text such as '2024-03-01T12:30:00Z'", call.name)
}

fn dates_array(dates: Vec<Option<NaiveDate>>) -> ArrayRef {
    let days = |date: NaiveDate| (date - NaiveDate::default()).num_days() as i32;
    Arc::new(dates.into_iter().map(|date| date.map(days)).collect::<arrow::array::Date32Array>())
}

fn to_iso(call: &Call) -> Result<ArrayRef> {
    let data_type = call.data_type(0);
    let times = Moments::try_new(&call.array(0)?)?;
    call.build_texts(|row| {
        let Some(time) = times.get(row) else { return Ok(None) };
        let local = time.naive_local();
        Ok(Some(match &data_type {
            DataType::Date32 | DataType::Date64 => local.format("%Y-%m-%d").to_string(),
            DataType::Timestamp(_, None) => local.format("%Y-%m-%dT%H:%M:%S%.3f").to_string(),
            _ if time.offset().fix().local_minus_utc() == 0 => local.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            _ => time.fixed_offset().format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
        }))
    })
}

/// The type of a time in the zone that the second argument names.
fn zone_of_call(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let name = match args.scalar_arguments.get(1) {
        None => "UTC",
        Some(Some(name)) => name.try_as_str().flatten().unwrap_or("UTC"),
        Some(None) => return plan_err!("a time zone has to be the same for all rows; write it as 'Europe/Paris'"),
    };
    zone(name)?;
    let data_type = DataType::Timestamp(TimeUnit::Microsecond, Some(name.into()));
    Ok(Arc::new(Field::new("at_timezone", data_type, true)))
}

fn at_timezone(call: &Call) -> Result<ArrayRef> {
    let moments = cast(&call.array(0)?, &utc())?;
    Ok(cast(&moments, call.return_field.data_type())?)
}

/// Reads the clock of a time without zone in a zone.
fn with_timezone(call: &Call) -> Result<ArrayRef> {
    let times = Moments::try_new(&call.array(0)?)?;
    let target = Moments::try_new(&arrow::array::new_empty_array(call.return_field.data_type()))?;
    let moments = collect_moments(call, |row| match times.get(row) {
        Some(time) => local(time.naive_local(), target.zone()).map(Some),
        None => Ok(None),
    })?;
    Ok(cast(&moments, call.return_field.data_type())?)
}

fn from_unixtime(call: &Call) -> Result<ArrayRef> {
    let seconds = call.array(0)?;
    let seconds = seconds.as_primitive::<Float64Type>();
    let moments = collect_moments(call, |row| {
        if seconds.is_null(row) {
            return Ok(None);
        }
        let micros = (seconds.value(row) * 1e3).round() as i64 * 1_000;
        DateTime::from_timestamp_micros(micros)
            .map(Some)
            .ok_or_else(|| exec_datafusion_err!("from_unixtime: {} is beyond the calendar", seconds.value(row)))
    })?;
    Ok(cast(&moments, call.return_field.data_type())?)
}

fn from_unixtime_nanos(call: &Call) -> Result<ArrayRef> {
    let counts = call.ints(0)?;
    let moment = |nanos: i64| DateTime::from_timestamp_micros(nanos.div_euclid(NANOS_PER_MICRO));
    collect_moments(call, |row| Ok(counts[row].and_then(moment)))
}

/// The name of a time's zone.
fn timezone(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let name = match array.data_type() {
        DataType::Timestamp(_, Some(zone)) => zone.to_string(),
        _ => "UTC".to_owned(),
    };
    call.build_texts(|row| Ok(array.is_valid(row).then_some(&name)))
}

fn to_unixtime(call: &Call) -> Result<ArrayRef> {
    let times = Moments::try_new(&call.array(0)?)?;
    let seconds = (0..call.rows).map(|row| Some(times.get(row)?.timestamp_micros() as f64 / MICROS_PER_SECOND));
    Ok(Arc::new(seconds.collect::<Float64Array>()))
}

/// A date stays one when whole days are added.
fn type_of_sum(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let data_type = match args.arg_fields[2].data_type() {
        DataType::Date32 => DataType::Date32,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        _ => utc(),
    };
    Ok(Arc::new(Field::new("date_add", data_type, true)))
}

fn date_add(call: &Call) -> Result<ArrayRef> {
    let (units, counts) = (call.texts(0)?, call.ints(1)?);
    let array = call.array(2)?;
    let array = if array.data_type().is_string() { cast(&array, &utc())? } else { array };
    let times = Moments::try_new(&array)?;
    let moments = collect_moments(call, |row| match (units.get(row), counts[row], times.get(row)) {
        (Some(unit), Some(count), Some(time)) => {
            let sum = Unit::parse(unit)?.add(time.naive_local(), count)?;
            local(sum, time.timezone()).map(Some)
        }
        _ => Ok(None),
    })?;
    Ok(cast(&moments, call.return_field.data_type())?)
}

fn date_diff(call: &Call) -> Result<ArrayRef> {
    let units = call.texts(0)?;
    let (starts, ends) = (Moments::try_new(&call.array(1)?)?, Moments::try_new(&call.array(2)?)?);
    let distance = |row| match (units.get(row), starts.get(row), ends.get(row)) {
        (Some(unit), Some(start), Some(end)) => Ok(Some(Unit::parse(unit)?.between(&start, &end))),
        _ => Ok(None),
    };
    let distances: Vec<Option<i64>> = (0..call.rows).map(distance).collect::<Result<_>>()?;
    Ok(Arc::new(Int64Array::from(distances)))
}

fn last_day_of_month(call: &Call) -> Result<ArrayRef> {
    let times = Moments::try_new(&call.array(0)?)?;
    let last = |row| {
        let date = times.get(row)?.date_naive();
        date.with_day(u32::from(date.num_days_in_month()))
    };
    Ok(dates_array((0..call.rows).map(last).collect()))
}

/// A bound of the moments whose text begins with the argument; text that is no time has none.
fn text_bound(call: &Call, bound: fn(super::iso::TextRange) -> i64) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    collect_moments(call, |row| {
        let range = texts.get(row).map(|text| {
            text_range(text).ok_or_else(|| exec_datafusion_err!("'{text}' is compared with a time, but is none"))
        });
        Ok(range.transpose()?.and_then(|range| DateTime::from_timestamp_micros(bound(range))))
    })
}

/// Where the moments begin whose text is greater: behind a moment itself, but at the start of a span.
fn text_time_end(call: &Call) -> Result<ArrayRef> {
    text_bound(call, |range| if range.is_moment { range.end } else { range.start })
}

/// A literal of a moment in microseconds.
pub(crate) fn moment_literal(micros: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))
}
