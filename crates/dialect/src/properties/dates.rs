//! Date functions beside a calendar that counts days one month at a time.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;
use proptest::prelude::*;

use super::run;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Days since 1970 of 0001-01-02 and 9999-12-30.
const DAYS: std::ops::RangeInclusive<i64> = -719_161..=2_932_895;

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_in_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

/// Year, month, day and day of the year of a day.
fn civil(days: i64) -> (i64, i64, i64, i64) {
    let (mut year, mut rest) = (1970, days);
    while rest < 0 {
        year -= 1;
        rest += days_in_year(year);
    }
    while rest >= days_in_year(year) {
        rest -= days_in_year(year);
        year += 1;
    }
    let (day_of_year, mut month) = (rest + 1, 1);
    while rest >= days_in_month(year, month) {
        rest -= days_in_month(year, month);
        month += 1;
    }
    (year, month, rest + 1, day_of_year)
}

fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let years: i64 = (1970..year).map(days_in_year).sum::<i64>() - (year..1970).map(days_in_year).sum::<i64>();
    years + (1..month).map(|month| days_in_month(year, month)).sum::<i64>() + day - 1
}

/// Monday is 1; 1970-01-01 was a Thursday.
fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// A week belongs to the year of its Thursday.
fn iso_week(days: i64) -> (i64, i64) {
    let (year, _, _, day_of_year) = civil(days - weekday(days) + 4);
    (year, (day_of_year - 1) / 7 + 1)
}

fn time(micros: i64) -> ColumnarValue {
    ColumnarValue::Array(Arc::new(TimestampMicrosecondArray::from(vec![micros])))
}

fn number(array: &ArrayRef) -> i64 {
    cast(array, &DataType::Int64).expect("a number").as_primitive::<Int64Type>().value(0)
}

fn add(unit: &str, count: i64, micros: i64) -> i64 {
    let args = vec![ColumnarValue::Scalar(unit.into()), ColumnarValue::Scalar(ScalarValue::from(count)), time(micros)];
    number(&run("date_add", args, 1))
}

fn difference(unit: &str, start: i64, end: i64) -> i64 {
    number(&run("date_diff", vec![ColumnarValue::Scalar(unit.into()), time(start), time(end)], 1))
}

proptest! {
    #[test]
    fn fields_are_the_calendars(days in DAYS, micros in 0..MICROS_PER_DAY) {
        let (year, month, day, day_of_year) = civil(days);
        let (week_year, week) = iso_week(days);
        let part = |name| number(&run(name, vec![time(days * MICROS_PER_DAY + micros)], 1));
        prop_assert_eq!((part("year"), part("month"), part("day")), (year, month, day));
        prop_assert_eq!((part("quarter"), part("day_of_year"), part("day_of_week")), ((month + 2) / 3, day_of_year, weekday(days)));
        prop_assert_eq!((part("year_of_week"), part("week")), (week_year, week));
        let seconds = micros / 1_000_000;
        prop_assert_eq!((part("hour"), part("minute"), part("second")), (seconds / 3600, seconds / 60 % 60, seconds % 60));
        prop_assert_eq!(part("millisecond"), micros / 1_000 % 1_000);
        prop_assert_eq!(part("last_day_of_month"), days - day + days_in_month(year, month));
    }

    /// A day that the month has not becomes its last.
    #[test]
    fn months_are_added_as_the_calendar_does(days in -600_000_i64..2_500_000, micros in 0..MICROS_PER_DAY, months in -5_000_i64..5_000) {
        let (year, month, day, _) = civil(days);
        let at = year * 12 + month - 1 + months;
        let (year, month) = (at.div_euclid(12), at.rem_euclid(12) + 1);
        let wanted = day_number(year, month, day.min(days_in_month(year, month)));
        let start = days * MICROS_PER_DAY + micros;
        let end = add("month", months, start);
        prop_assert_eq!(end, wanted * MICROS_PER_DAY + micros);
        // Going back by whole months cannot overshoot.
        let found = difference("month", start, end);
        prop_assert_eq!(found, months);
    }

    #[test]
    fn days_and_hours_are_counted_towards_zero(start in DAYS, end in DAYS, from in 0..MICROS_PER_DAY, to in 0..MICROS_PER_DAY, count in -100_000_i64..100_000) {
        let (start, end) = (start * MICROS_PER_DAY + from, end * MICROS_PER_DAY + to);
        for (unit, length) in [("day", MICROS_PER_DAY), ("week", 7 * MICROS_PER_DAY), ("hour", 3_600_000_000), ("millisecond", 1_000)] {
            prop_assert_eq!(difference(unit, start, end), (end - start) / length);
            prop_assert_eq!(difference(unit, start, end), -difference(unit, end, start));
        }
        prop_assert_eq!(add("second", count, from) - from, count * 1_000_000);
    }
}
