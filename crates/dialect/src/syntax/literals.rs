//! Literals that Trino spells in more ways than DataFusion.

use datafusion::sql::sqlparser::ast::{DataType, Expr, TimezoneInfo, TypedString, Value, ValueWithSpan};

use super::calls::{call, text};

/// `timestamp '2024-03-01 10:00 Europe/Paris'`: the seconds may be left out, and a zone makes it a time in that zone.
pub(super) fn timestamp_literal(literal: ValueWithSpan) -> Expr {
    let micros = DataType::Timestamp(Some(6), TimezoneInfo::None);
    let plain = |value| Expr::TypedString(TypedString { data_type: micros, value, uses_odbc_syntax: false });
    let Some(spelled) = literal.value.clone().into_string() else { return plain(literal) };
    let (clock, zone) = clock_and_zone(spelled.trim());
    let Some(clock) = clock else { return plain(literal) };
    let time = plain(Value::SingleQuotedString(clock).with_empty_span());
    match zone {
        "" => time,
        zone => call("with_timezone", vec![time, text(if zone == "Z" { "UTC" } else { zone })]),
    }
}

/// Spells out the text of a time without seconds, which a cast in Trino reads.
pub(super) fn with_seconds(expr: Expr) -> Expr {
    let Expr::Value(literal) = &expr else { return expr };
    let spelled = literal.value.clone().into_string().unwrap_or_default();
    match clock_and_zone(spelled.trim()) {
        (Some(clock), "") => text(&clock),
        _ => expr,
    }
}

/// Splits the text of a time into its clock, spelled out, and its zone; no clock where it is spelled in another way.
fn clock_and_zone(text: &str) -> (Option<String>, &str) {
    let numbers = |text: &str, separator: char| -> Option<Vec<String>> {
        let padded = |part: &str| part.parse().ok().map(|_: u32| format!("{part:0>2}"));
        text.split(separator).map(padded).collect()
    };
    let (date, rest) = text.split_once([' ', 'T']).unwrap_or((text, ""));
    let Some(date) = numbers(date, '-').filter(|parts| parts.len() == 3) else { return (None, "") };
    let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.')).unwrap_or(rest.len());
    let (clock, zone) = (&rest[..end], rest[end..].trim());
    let (whole, fraction) = clock.split_once('.').map_or((clock, String::new()), |(a, b)| (a, format!(".{b}")));
    let mut parts = match whole {
        "" => Vec::new(),
        whole => match numbers(whole, ':') {
            Some(parts) if parts.len() >= 2 => parts,
            _ => return (None, ""),
        },
    };
    parts.resize(3, "00".to_owned());
    (Some(format!("{} {}{fraction}", date.join("-"), parts.join(":"))), zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_clocks_and_zones() {
        let cases = [
            ("2024-03-01", "2024-03-01 00:00:00", ""),
            ("2024-3-1 9:05", "2024-03-01 09:05:00", ""),
            ("2024-03-01T10:00:00.123456Z", "2024-03-01 10:00:00.123456", "Z"),
            ("2024-03-01 10:00 America/New_York", "2024-03-01 10:00:00", "America/New_York"),
            ("2024-03-01 10:00:00 +02:00", "2024-03-01 10:00:00", "+02:00"),
        ];
        for (given, clock, zone) in cases {
            assert_eq!(clock_and_zone(given), (Some(clock.to_owned()), zone), "{given}");
        }
        for text in ["", "today", "2024-03", "2024-03-01 10"] {
            assert_eq!(clock_and_zone(text).0, None, "{text}");
        }
    }
}
