//! `date_trunc` for any year: DataFusion's own, and where that fails, as its calendar ends in 2262, one of ours.

use std::sync::Arc;

use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, TimeUnit};
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, Timelike, Utc};
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use datafusion::functions::datetime::date_trunc::DateTruncFunc;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::moment::{Moments, local, utc_array};

/// The function as DataFusion takes it.
pub(super) fn function() -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::new_from_impl(DateTrunc { inner: DateTruncFunc::new(), signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    inner: DateTruncFunc,
    signature: Signature,
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    /// Dates and text become microseconds: nanoseconds do not reach the year 9999.
    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [unit, time] = given else {
            return plan_err!("date_trunc takes a unit and a time, as in date_trunc('day', eventtime)");
        };
        let time = match time {
            DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_) => time.clone(),
            DataType::Date32 | DataType::Date64 | DataType::Null => DataType::Timestamp(TimeUnit::Microsecond, None),
            text if text.is_string() => DataType::Timestamp(TimeUnit::Microsecond, None),
            other => return plan_err!("date_trunc takes a unit and a time, not {other}"),
        };
        Ok(vec![if unit.is_string() { unit.clone() } else { DataType::Utf8 }, time])
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ScalarFunctionArgs { args: values, number_rows, return_field, .. } = &args;
        let unit = match &values[0] {
            ColumnarValue::Scalar(unit) => unit.try_as_str().flatten().map(str::to_lowercase),
            ColumnarValue::Array(_) => None,
        };
        let (time, rows, wanted) = (values[1].clone(), *number_rows, return_field.data_type().clone());
        match (self.inner.invoke_with_args(args), unit) {
            (Err(_), Some(unit)) if matches!(wanted, DataType::Timestamp(..)) => truncated(&unit, &time, rows, &wanted),
            (answer, _) => answer,
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }
}

fn truncated(unit: &str, time: &ColumnarValue, rows: usize, wanted: &DataType) -> Result<ColumnarValue> {
    let times = Moments::try_new(&time.to_array(rows)?)?;
    let start = |row| -> Result<Option<DateTime<Utc>>> {
        let Some(time) = times.get(row) else { return Ok(None) };
        let start = start(unit, time.naive_local())?;
        local(start, times.zone()).map(Some)
    };
    let starts = (0..rows).map(start).collect::<Result<Vec<_>>>()?;
    Ok(ColumnarValue::Array(cast(&utc_array(starts.into_iter()), wanted)?))
}

/// Where the unit begins that a local time is in.
fn start(unit: &str, time: NaiveDateTime) -> Result<NaiveDateTime> {
    let date = time.date();
    let midnight = |date: NaiveDate| Some(date.and_time(chrono::NaiveTime::MIN));
    let first = |year: i32, month: u32| NaiveDate::from_ymd_opt(year, month, 1).and_then(midnight);
    let start = match unit {
        "microsecond" => time.with_nanosecond(time.nanosecond() / 1_000 * 1_000),
        "millisecond" => time.with_nanosecond(time.nanosecond() / 1_000_000 * 1_000_000),
        "second" => time.with_nanosecond(0),
        "minute" => date.and_hms_opt(time.hour(), time.minute(), 0),
        "hour" => date.and_hms_opt(time.hour(), 0, 0),
        "day" => midnight(date),
        "week" => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into())).and_then(midnight),
        "month" => first(date.year(), date.month()),
        "quarter" => first(date.year(), date.month0() / 3 * 3 + 1),
        "year" => first(date.year(), 1),
        "decade" => first(date.year().div_euclid(10) * 10, 1),
        // As DuckDB counts them; Trino has neither.
        "century" => first(date.year().div_euclid(100) * 100, 1),
        "millennium" => first(date.year().div_euclid(1000) * 1000, 1),
        _ => {
            return exec_err!(
                "date_trunc knows no unit '{unit}'; write 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter' or 'year'"
            );
        }
    };
    start.ok_or_else(|| exec_datafusion_err!("date_trunc: the {unit} of {time} begins beyond the calendar"))
}
