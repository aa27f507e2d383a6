//! Parts of a date pattern, whichever notation it was written in.

use arrow::array::timezone::Tz;
use chrono::{DateTime, Datelike, Offset, Timelike};

/// One part of a pattern. Numbers are the least digits that are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Text(String),
    Era,
    Century(usize),
    Year(usize),
    ShortYear,
    Month(usize),
    MonthName,
    MonthAbbreviation,
    Day(usize),
    DayOfYear(usize),
    WeekYear(usize),
    Week(usize),
    WeekdayNumber(usize),
    WeekdayName,
    WeekdayAbbreviation,
    HalfDay,
    /// 0 to 23.
    Hour(usize),
    /// 1 to 24.
    ClockHour(usize),
    /// 0 to 11.
    HalfDayHour(usize),
    /// 1 to 12.
    HalfDayClockHour(usize),
    Minute(usize),
    Second(usize),
    /// Digits of the second's fraction.
    Fraction(usize),
    /// `+0000`
    Offset,
    /// `+00:00`
    OffsetWithColon,
    /// `Europe/Paris`
    ZoneName,
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl Item {
    /// Writes this part of `time`.
    pub(super) fn write(&self, time: &DateTime<Tz>, out: &mut String) {
        use std::fmt::Write;

        let hour = time.hour();
        let half_day_hour = hour % 12;
        let number = |out: &mut String, value: i64, digits: usize| {
            // Writing to a string does not fail.
            let _ = write!(out, "{value:0digits$}");
        };
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Era => out.push_str(if time.year() > 0 { "AD" } else { "BC" }),
            Self::Century(digits) => number(out, i64::from(time.year().div_euclid(100)), *digits),
            Self::Year(digits) => number(out, time.year().into(), *digits),
            Self::ShortYear => number(out, time.year().rem_euclid(100).into(), 2),
            Self::Month(digits) => number(out, time.month().into(), *digits),
            Self::MonthName => out.push_str(MONTHS[time.month0() as usize]),
            Self::MonthAbbreviation => out.push_str(&MONTHS[time.month0() as usize][..3]),
            Self::Day(digits) => number(out, time.day().into(), *digits),
            Self::DayOfYear(digits) => number(out, time.ordinal().into(), *digits),
            Self::WeekYear(digits) => number(out, time.iso_week().year().into(), *digits),
            Self::Week(digits) => number(out, time.iso_week().week().into(), *digits),
            Self::WeekdayNumber(digits) => number(out, time.weekday().number_from_monday().into(), *digits),
            Self::WeekdayName => out.push_str(WEEKDAYS[time.weekday().num_days_from_monday() as usize]),
            Self::WeekdayAbbreviation => {
                out.push_str(&WEEKDAYS[time.weekday().num_days_from_monday() as usize][..3]);
            }
            Self::HalfDay => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            Self::Hour(digits) => number(out, hour.into(), *digits),
            Self::ClockHour(digits) => number(out, if hour == 0 { 24 } else { hour.into() }, *digits),
            Self::HalfDayHour(digits) => number(out, half_day_hour.into(), *digits),
            Self::HalfDayClockHour(digits) => {
                number(out, if half_day_hour == 0 { 12 } else { half_day_hour.into() }, *digits);
            }
            Self::Minute(digits) => number(out, time.minute().into(), *digits),
            Self::Second(digits) => number(out, time.second().into(), *digits),
            Self::Fraction(digits) => {
                let nanos = format!("{:09}", time.nanosecond() % 1_000_000_000);
                out.extend(nanos.chars().chain(std::iter::repeat('0')).take(*digits));
            }
            Self::Offset | Self::OffsetWithColon => write_offset(time, *self == Self::OffsetWithColon, out),
            Self::ZoneName => {
                let _ = write!(out, "{}", time.timezone());
            }
        }
    }
}

fn write_offset(time: &DateTime<Tz>, with_colon: bool, out: &mut String) {
    use std::fmt::Write;

    let minutes = time.offset().fix().local_minus_utc() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let colon = if with_colon { ":" } else { "" };
    let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
    let _ = write!(out, "{sign}{hours:02}{colon}{minutes:02}");
}
