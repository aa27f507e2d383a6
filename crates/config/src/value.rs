//! Values of keys, and how they are written.

use std::fmt;

use bytesize::ByteSize;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A folder, file or URL; in the file, paths are relative to its folder.
    Place,
    /// One place or several.
    Places,
    /// One text or several.
    List,
    /// `true` or `false`.
    Boolean,
    /// A span of time: `90s`, `30m`, `24h`, `7d`, `2w`.
    Span,
    /// A time, a day or a span before now; see [`parse_time`].
    Time,
    /// A number of bytes: `1048576`, `"512MiB"`, `"10GB"`.
    Bytes,
}

/// A value as it was given, of the [`Kind`] that its key asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, or what is written as text.
    Text(String),
    /// Several texts.
    List(Vec<String>),
    /// `true` or `false`.
    Boolean(bool),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Place => "a folder or URL",
            Self::Places => "a folder or URL, or a list of them",
            Self::List => "a list of texts",
            Self::Boolean => "true or false",
            Self::Span => "a span of time such as \"90s\", \"24h\" or \"7d\"",
            Self::Time => "a time (\"2024-03-01T12:00:00Z\"), a day, or a span before now (\"7d\")",
            Self::Bytes => "a size such as \"512MiB\"",
        })
    }
}

impl fmt::Display for Value {
    /// As in TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &String| toml::Value::from(text.as_str()).to_string();
        match self {
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::List(texts) => write!(f, "[{}]", texts.iter().map(quoted).collect::<Vec<_>>().join(", ")),
            Self::Boolean(value) => write!(f, "{value}"),
        }
    }
}

impl Value {
    /// Reads text from a flag, the environment or a default as a value of `kind`; `None` if it is none.
    pub fn parse(text: &str, kind: Kind) -> Option<Self> {
        let value = match kind {
            Kind::Boolean => return Self::parse_boolean(text),
            Kind::List | Kind::Places => Self::List(text.split(',').map(|part| part.trim().to_owned()).collect()),
            _ => Self::Text(text.to_owned()),
        };
        value.is_of(kind).then_some(value)
    }

    fn parse_boolean(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(Self::Boolean(true)),
            "false" | "0" | "no" | "off" | "" => Some(Self::Boolean(false)),
            _ => None,
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::List(texts) => texts.as_slice().into(),
            Self::Boolean(value) => (*value).into(),
        }
    }

    /// Whether the value is one of `kind`.
    pub(crate) fn is_of(&self, kind: Kind) -> bool {
        match (self, kind) {
            (Self::Boolean(_), Kind::Boolean) | (Self::List(_), Kind::List | Kind::Places) => true,
            (Self::Text(text), Kind::Text | Kind::Place) => !text.is_empty(),
            (Self::Text(text), Kind::Span) => parse_span(text).is_ok(),
            (Self::Text(text), Kind::Time) => parse_time(text).is_ok(),
            (Self::Text(text), Kind::Bytes) => parse_bytes(text).is_ok(),
            _ => false,
        }
    }
}

/// Reads a size such as `512MiB`, in bytes. The error says what would have been right.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let size = text.parse::<ByteSize>().ok().map(|size| size.as_u64()).filter(|size| *size > 0);
    size.ok_or_else(|| "give a size such as 128MiB, 500kB or a number of bytes".to_owned())
}

/// Reads a span of time: `90s`, `30m`, `24h`, `7d`, `2w`. The error says what would have been right.
pub fn parse_span(text: &str) -> Result<TimeDelta, String> {
    span(text).ok_or_else(|| "give a span such as 90s, 24h, 7d or 52w".to_owned())
}

fn span(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok().filter(|count| *count >= 0)?;
    match unit {
        's' => TimeDelta::try_seconds(count),
        'm' => TimeDelta::try_minutes(count),
        'h' => TimeDelta::try_hours(count),
        'd' => TimeDelta::try_days(count),
        'w' => TimeDelta::try_weeks(count),
        _ => None,
    }
}

/// Reads `2024-03-01T12:00:00Z`, `2024-03-01` (its start, UTC), or a span such as `7d`, `24h`, `30m`, `2w` before now.
///
/// The error says what would have been right.
pub fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_days_and_spans() {
        assert_eq!(parse_time("2024-03-01").map(|t| t.timestamp()), Ok(1_709_251_200));
        assert_eq!(parse_time("2024-03-01T01:00:00+01:00").map(|t| t.timestamp()), Ok(1_709_251_200));
        assert_eq!(parse_span("7d"), Ok(TimeDelta::days(7)));
        assert_eq!(parse_span("2w"), Ok(TimeDelta::days(14)));
        assert_eq!(parse_bytes("512MiB"), Ok(512 << 20));
        assert_eq!(parse_bytes("1048576"), Ok(1 << 20));
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "yesterday", "7", "-7d", "2024-13-01", "7y", "99999999999999999h"] {
            assert!(parse_time(text).is_err(), "{text}");
        }
        assert_eq!(Value::parse("maybe", Kind::Boolean), None);
        assert_eq!(Value::parse("ten", Kind::Bytes), None);
    }
}
