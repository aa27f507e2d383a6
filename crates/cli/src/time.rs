//! Times on the command line: RFC 3339, a date, or a span before now.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// Reads `2024-03-01T12:00:00Z`, `2024-03-01` (its start, UTC), or a span such as `7d`, `24h`, `30m`, `2w` before now.
pub(crate) fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    if let Ok(date) = text.parse::<NaiveDate>() {
        return Ok(date.and_time(NaiveTime::MIN).and_utc());
    }
    let span = span(text).and_then(|span| Utc::now().checked_sub_signed(span));
    span.ok_or_else(|| {
        "give a time (2024-03-01T12:00:00Z), a day (2024-03-01), or a span before now (7d, 24h)".to_owned()
    })
}

/// Reads a span such as `7d`, `24h`, `30m` or `2w`.
pub(crate) fn parse_span(text: &str) -> Result<TimeDelta, String> {
    span(text).ok_or_else(|| "give a span such as 7d, 24h or 52w".to_owned())
}

fn span(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok().filter(|count| *count >= 0)?;
    match unit {
        'm' => TimeDelta::try_minutes(count),
        'h' => TimeDelta::try_hours(count),
        'd' => TimeDelta::try_days(count),
        'w' => TimeDelta::try_weeks(count),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_days_and_spans() {
        assert_eq!(parse_time("2024-03-01").map(|t| t.timestamp()), Ok(1_709_251_200));
        assert_eq!(parse_time("2024-03-01T01:00:00+01:00").map(|t| t.timestamp()), Ok(1_709_251_200));
        assert_eq!(span("7d"), TimeDelta::try_days(7));
        assert_eq!(parse_span("2w"), Ok(TimeDelta::days(14)));
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "yesterday", "7", "-7d", "2024-13-01", "7y", "99999999999999999h"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}
