//! Adding to times, the distance between two, and their units.

use arrow::array::timezone::Tz;
use chrono::{DateTime, Datelike, Months, NaiveDateTime, TimeDelta};
use datafusion::common::{Result, exec_datafusion_err, exec_err};

/// A unit of `date_add` and `date_diff`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// So many microseconds.
    Micros(i64),
    /// So many months.
    Months(i64),
}

impl Unit {
    pub(super) fn parse(text: &str) -> Result<Self> {
        const SECOND: i64 = 1_000_000;
        const DAY: i64 = 86_400 * SECOND;
        Ok(match text.to_ascii_lowercase().as_str() {
            "millisecond" => Self::Micros(1_000),
            "second" => Self::Micros(SECOND),
            "minute" => Self::Micros(60 * SECOND),
            "hour" => Self::Micros(3_600 * SECOND),
            "day" => Self::Micros(DAY),
            "week" => Self::Micros(7 * DAY),
            "month" => Self::Months(1),
            "quarter" => Self::Months(3),
            "year" => Self::Months(12),
            _ => {
                return exec_err!(
                    "'{text}' is no unit of time; write 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter' or 'year'"
                );
            }
        })
    }

    /// Adds to a local time; a day that the month has not becomes its last.
    pub(super) fn add(self, time: NaiveDateTime, count: i64) -> Result<NaiveDateTime> {
        let added = match self {
            Self::Micros(micros) => {
                micros.checked_mul(count).and_then(|micros| time.checked_add_signed(TimeDelta::microseconds(micros)))
            }
            Self::Months(months) => months.checked_mul(count).and_then(|months| {
                let distance = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
                if months < 0 { time.checked_sub_months(distance) } else { time.checked_add_months(distance) }
            }),
        };
        added.ok_or_else(|| exec_datafusion_err!("adding {count} to {time} leaves the calendar"))
    }

    /// Counts the whole units from `start` to `end`.
    pub(super) fn between(self, start: &DateTime<Tz>, end: &DateTime<Tz>) -> i64 {
        match self {
            Self::Micros(micros) => (end.timestamp_micros() - start.timestamp_micros()) / micros,
            Self::Months(months) => whole_months(start.naive_local(), end.naive_local()) / months,
        }
    }
}

fn whole_months(start: NaiveDateTime, end: NaiveDateTime) -> i64 {
    if end < start {
        return -whole_months_between(end, start);
    }
    whole_months_between(start, end)
}

fn whole_months_between(start: NaiveDateTime, end: NaiveDateTime) -> i64 {
    let months = i64::from(end.year() - start.year()) * 12 + i64::from(end.month()) - i64::from(start.month());
    let is_last_day = end.day() == u32::from(end.num_days_in_month());
    let is_short = (end.day(), end.time()) < (start.day(), start.time())
        // The end of a shorter month completes it.
        && !(is_last_day && start.day() > end.day() && end.time() >= start.time());
    months - i64::from(is_short)
}
