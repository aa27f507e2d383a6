//! Event times: `2024-03-01T12:00:00Z`, and the other spellings found in logs.

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// A time in UTC microseconds, and whether [`write_time`] gives back the text it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadTime {
    pub(crate) micros: i64,
    pub(crate) exact: bool,
}

/// Reads `YYYY-MM-DD[T ]hh:mm:ss[.fraction][Z|±hh[:]mm]` and the basic form `YYYYMMDDThhmmssZ`.
///
/// Without an offset the time is UTC, as CloudTrail's always is. Fractions beyond microseconds are cut. Only years
/// 1970 to 9999 are taken. Returns `None` for anything else.
pub(crate) fn read_time(text: &[u8]) -> Option<ReadTime> {
    let basic = text.len() >= 15 && text[8] == b'T';
    let (date, clock, rest) = if basic {
        ([number(text, 0, 4)?, number(text, 4, 2)?, number(text, 6, 2)?], [9, 11, 13], &text[15..])
    } else {
        let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
        if text.len() < 19 || separators.iter().any(|(at, byte)| text[*at] != *byte) || !matches!(text[10], b'T' | b' ')
        {
            return None;
        }
        ([number(text, 0, 4)?, number(text, 5, 2)?, number(text, 8, 2)?], [11, 14, 17], &text[19..])
    };
    let [hour, minute, second] = [number(text, clock[0], 2)?, number(text, clock[1], 2)?, number(text, clock[2], 2)?];
    // A leap second is kept as the first of the next minute, as POSIX time has it.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, rest) = read_fraction(rest)?;
    let offset = read_offset(rest)?;
    let seconds = days_from_civil(date[0], date[1], date[2])? * 86_400 + hour * 3600 + minute * 60 + second - offset;
    let exact = !basic && text.len() == 20 && text[10] == b'T' && text[19] == b'Z' && second < 60;
    Some(ReadTime { micros: seconds * SECOND + fraction, exact })
}

/// Appends `micros` as `YYYY-MM-DDThh:mm:ssZ`, CloudTrail's own spelling; fractions of a second are cut.
pub(crate) fn write_time(micros: i64, out: &mut Vec<u8>) {
    let seconds = micros.div_euclid(SECOND);
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    let clock = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    out.extend_from_slice(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z").as_bytes());
}

fn read_fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else { return Some((0, rest)) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let micros = (0..6).fold(0, |sum, i| sum * 10 + if i < count { i64::from(digits[i] - b'0') } else { 0 });
    Some((micros, &digits[count..]))
}

/// Seconds east of UTC.
fn read_offset(rest: &[u8]) -> Option<i64> {
    let (sign, digits) = match rest {
        b"" | b"Z" | b"z" | b" UTC" => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let minutes_at = match digits.len() {
        4 => 2,
        5 if digits[2] == b':' => 3,
        _ => return None,
    };
    let (hours, minutes) = (number(digits, 0, 2)?, number(digits, minutes_at, 2)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn number(text: &[u8], at: usize, length: usize) -> Option<i64> {
    text.get(at..at + length)?
        .iter()
        .try_fold(0, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1970 || !(1..=last).contains(&day) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (shifted / 400, shifted % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * month_index + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Option<i64> {
        read_time(text.as_bytes()).map(|time| time.micros)
    }

    #[test]
    fn reads_the_spellings_found_in_logs() {
        let noon = 1_709_294_400 * SECOND;
        for text in ["2024-03-01T12:00:00Z", "2024-03-01 12:00:00", "20240301T120000Z", "2024-03-01T14:00:00+02:00"] {
            assert_eq!(micros(text), Some(noon), "{text}");
        }
        assert_eq!(micros("2024-03-01 12:00:00.000000000"), Some(noon));
        assert_eq!(micros("2024-03-01T12:00:00.1234567Z"), Some(noon + 123_456));
        assert_eq!(micros("2022-02-08 09:23:37+11:00"), micros("2022-02-07T22:23:37Z"));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "2024-03-01",
            "2023-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-03-01T24:00:00Z",
            "yesterday at ten",
            "2024-03-01T12:00:00X",
            "1969-12-31T23:59:59Z",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_usual_spelling_is_exact() {
        assert!(read_time(b"2024-03-01T12:00:00Z").is_some_and(|time| time.exact));
        for text in ["2024-03-01T12:00:00.0Z", "2024-03-01 12:00:00Z", "2024-03-01T12:00:60Z", "2024-03-01T12:00:00z"] {
            assert!(read_time(text.as_bytes()).is_none_or(|time| !time.exact), "{text}");
        }
    }

    #[test]
    fn writes_back_every_day() {
        for day in 0..60_000 {
            let mut text = Vec::new();
            let time = (day * 86_400 + day % 86_400) * SECOND;
            write_time(time, &mut text);
            assert_eq!(read_time(&text), Some(ReadTime { micros: time, exact: true }));
        }
    }
}
