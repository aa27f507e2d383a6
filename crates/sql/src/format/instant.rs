//! Moments as RFC 3339, spelt as arrow does, and much faster.

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Appends microseconds since 1970 as `2024-03-01T10:00:00Z`, with three or six digits of a second where it needs them.
///
/// Returns `false`, and appends nothing, for a year before 1 or after 9999.
pub(super) fn push_instant(micros: i64, out: &mut Vec<u8>) -> bool {
    let (seconds, fraction) = (micros.div_euclid(MICROS_PER_SECOND), micros.rem_euclid(MICROS_PER_SECOND));
    let (days, second) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    let (year, month, day) = date(days);
    if !(1..=9999).contains(&year) {
        return false;
    }
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], second / 3600);
    put(&mut text[14..16], second / 60 % 60);
    put(&mut text[17..19], second % 60);
    put(&mut text[20..26], fraction);
    let digits = match fraction {
        0 => 19,
        fraction if fraction % 1000 == 0 => 23,
        _ => 26,
    };
    out.extend_from_slice(&text[..digits]);
    out.push(b'Z');
    true
}

/// Writes a number into all of `digits`.
fn put(digits: &mut [u8], mut number: i64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day of days since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use arrow::array::TimestampMicrosecondArray;
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    use super::*;

    #[test]
    fn spells_as_arrow_does() {
        let mut micros = vec![0, 1, 999, 1000, 250_000, -1, -62_135_596_800_000_000, 253_402_300_799_999_999];
        // Steps of some 37 days and odd microseconds, over two thousand years.
        micros.extend((-10_000..10_000).map(|n: i64| n * 3_217_123_456_789 + n % 7));
        let array = TimestampMicrosecondArray::from(micros.clone()).with_timezone("UTC");
        let options = FormatOptions::new();
        let formatter = ArrayFormatter::try_new(&array, &options).expect("a formatter");
        for (row, &value) in micros.iter().enumerate() {
            let mut out = Vec::new();
            assert!(push_instant(value, &mut out));
            assert_eq!(String::from_utf8_lossy(&out), formatter.value(row).to_string());
        }
    }

    #[test]
    fn leaves_far_years_to_others() {
        let mut out = Vec::new();
        assert!(!push_instant(i64::MAX, &mut out) && !push_instant(i64::MIN, &mut out) && out.is_empty());
    }
}
