//! ISO 8601 text, and what comparing `eventtime` with text says about the moment.
//!
//! In Athena's table `eventtime` is the text `2024-03-01T12:30:00Z`, so that `eventtime < '2024-03-02'` compares text.
//! Such text sorts as the moments do: a beginning of it stands for the span of moments whose text begins so.

use arrow::array::timezone::Tz;
use arrow::compute::kernels::cast_utils::string_to_datetime;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};

/// How `eventtime` reads as text.
const SHAPE: &str = "0000-00-00T00:00:00Z";

/// The moments whose text begins with a given text, in microseconds: from `start` up to but without `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextRange {
    pub(crate) start: i64,
    pub(crate) end: i64,
    /// The text is that of a moment, not of a span.
    pub(crate) is_moment: bool,
}

/// Reads `text` as the beginning of an `eventtime`, or as a moment in another spelling; `None` if it is neither.
pub(crate) fn text_range(text: &str) -> Option<TextRange> {
    if is_beginning(text) {
        return beginning_range(text);
    }
    // CloudTrail Lake's spelling, offsets, fractions: a moment, whatever the text.
    let zone: Tz = "UTC".parse().ok()?;
    let moment = string_to_datetime(&zone, text.trim()).ok()?.timestamp_micros();
    Some(TextRange { start: moment, end: moment + 1, is_moment: true })
}

fn is_beginning(text: &str) -> bool {
    let fits = |(given, shape): (u8, u8)| if shape == b'0' { given.is_ascii_digit() } else { given == shape };
    text.len() >= 4 && text.len() <= SHAPE.len() && text.bytes().zip(SHAPE.bytes()).all(fits)
}

fn beginning_range(text: &str) -> Option<TextRange> {
    let whole = text.trim_end_matches(['-', ':', 'T', 'Z']);
    let (start, end) = match whole.len() {
        4 => span(whole, "-01-01T00:00:00", |time| time.checked_add_months(Months::new(12)))?,
        7 => span(whole, "-01T00:00:00", |time| time.checked_add_months(Months::new(1)))?,
        10 => span(whole, "T00:00:00", |time| time.checked_add_days(Days::new(1)))?,
        13 => span(whole, ":00:00", |time| time.checked_add_signed(TimeDelta::hours(1)))?,
        16 => span(whole, ":00", |time| time.checked_add_signed(TimeDelta::minutes(1)))?,
        19 => span(whole, "", |time| time.checked_add_signed(TimeDelta::seconds(1)))?,
        _ => return None,
    };
    if text.len() == SHAPE.len() {
        return Some(TextRange { start, end: start + 1, is_moment: true });
    }
    Some(TextRange { start, end, is_moment: false })
}

fn span(text: &str, tail: &str, next: impl Fn(NaiveDateTime) -> Option<NaiveDateTime>) -> Option<(i64, i64)> {
    let start = NaiveDateTime::parse_from_str(&format!("{text}{tail}"), "%Y-%m-%dT%H:%M:%S").ok()?;
    Some((start.and_utc().timestamp_micros(), next(start)?.and_utc().timestamp_micros()))
}

/// Reads ISO 8601 as `from_iso8601_timestamp` does: a date of any precision, by month or by week, with or without a
/// time and an offset.
pub(super) fn parse_timestamp(text: &str) -> Option<DateTime<Utc>> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let date = parse_date(date)?;
    let (time, offset_minutes) = time.map_or(Some((NaiveTime::MIN, 0)), parse_time)?;
    let moment = date.and_time(time).and_utc();
    moment.checked_sub_signed(TimeDelta::minutes(offset_minutes))
}

/// Reads `2024`, `2024-03`, `2024-03-01`, `2024-061`, `2024-W09` or `2024-W09-5`.
pub(super) fn parse_date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-');
    let year_text = parts.next().filter(|year| year.len() == 4)?;
    let year = number(year_text)? as i32;
    let parts: Vec<&str> = parts.collect();
    match parts.as_slice() {
        [] => NaiveDate::from_ymd_opt(year, 1, 1),
        [week] if week.starts_with('W') => NaiveDate::from_isoywd_opt(year, number(&week[1..])?, Weekday::Mon),
        [week, day] if week.starts_with('W') => {
            let weekday = Weekday::try_from(number(day)?.checked_sub(1)? as u8).ok()?;
            NaiveDate::from_isoywd_opt(year, number(&week[1..])?, weekday)
        }
        [day_of_year] if day_of_year.len() == 3 => NaiveDate::from_yo_opt(year, number(day_of_year)?),
        [month] => NaiveDate::from_ymd_opt(year, number(month)?, 1),
        [month, day] => NaiveDate::from_ymd_opt(year, number(month)?, number(day)?),
        _ => None,
    }
    .filter(|date| date.year() >= 0)
}

/// Reads `12`, `12:30`, `12:30:59`, `12:30:59.123`, each with `Z` or an offset; returns the offset in minutes.
fn parse_time(text: &str) -> Option<(NaiveTime, i64)> {
    let at = text.find(['Z', '+', '-']).unwrap_or(text.len());
    let (clock, offset) = text.split_at(at);
    let (clock, fraction) = clock.split_once(['.', ',']).map_or((clock, None), |(c, f)| (c, Some(f)));
    let nanos: u32 = match fraction {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{digits:0<9}").get(..9)?.parse().ok()?
        }
        Some(_) => return None,
        None => 0,
    };
    let parts: Vec<u32> =
        if clock.is_empty() { vec![0] } else { clock.split(':').map(number).collect::<Option<_>>()? };
    let part = |index: usize| parts.get(index).copied().unwrap_or(0);
    let time = (parts.len() <= 3).then(|| NaiveTime::from_hms_nano_opt(part(0), part(1), part(2), nanos))??;
    Some((time, offset_minutes(offset)?))
}

fn offset_minutes(text: &str) -> Option<i64> {
    if matches!(text, "" | "Z") {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text[1..].chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits)?, 0),
        4 => (number(&digits[..2])?, number(&digits[2..])?),
        _ => return None,
    };
    Some(sign * (i64::from(hours) * 60 + i64::from(minutes)))
}

fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn span_of(text: &str) -> Option<(String, String)> {
        let show = |micros| DateTime::from_timestamp_micros(micros).unwrap().format("%Y-%m-%dT%H:%M:%S").to_string();
        text_range(text).map(|range| (show(range.start), show(range.end)))
    }

    #[test]
    fn a_beginning_stands_for_a_span() {
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(span_of("2024-02"), pair("2024-02-01T00:00:00", "2024-03-01T00:00:00"));
        assert_eq!(span_of("2024-02-29"), pair("2024-02-29T00:00:00", "2024-03-01T00:00:00"));
        assert_eq!(span_of("2024-02-29T"), pair("2024-02-29T00:00:00", "2024-03-01T00:00:00"));
        assert_eq!(span_of("2024-02-29T23:59"), pair("2024-02-29T23:59:00", "2024-03-01T00:00:00"));
        assert_eq!(span_of("2023-02-29"), None);
        assert_eq!(span_of("nonsense"), None);
    }

    #[test]
    fn other_spellings_are_moments() {
        let zulu = text_range("2024-03-01T00:00:00Z").unwrap();
        assert!(zulu.is_moment);
        assert_eq!(text_range("2024-03-01 00:00:00"), Some(zulu));
        assert_eq!(text_range("2024-03-01T01:00:00+01:00"), Some(zulu));
        assert_eq!(text_range("2024-03-01T00:00:00.000Z"), Some(zulu));
    }

    #[test]
    fn reads_iso_dates_and_times() {
        let read = |text| parse_timestamp(text).map(|time| time.format("%Y-%m-%dT%H:%M:%S%.3f").to_string());
        assert_eq!(read("2024-03-01T12:30:00.5+02:00").as_deref(), Some("2024-03-01T10:30:00.500"));
        assert_eq!(read("2024-W09-5").as_deref(), Some("2024-03-01T00:00:00.000"));
        assert_eq!(read("2024-061T01").as_deref(), Some("2024-03-01T01:00:00.000"));
        assert_eq!(read("2024").as_deref(), Some("2024-01-01T00:00:00.000"));
        for text in ["", "2024-13", "2024-03-01 00:00", "24", "2024-03-01T25", "2024-03-01T00:00:00X"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
