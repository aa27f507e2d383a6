//! Parameters that a query declares, and the values that they take.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use trailql_config::{parse_span, parse_time};

/// One parameter: `minimum bigint = 10 in 1..1000000 -- Refusals that make a burst`.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Name, used as `$name` in the SQL.
    pub name: String,
    /// What a value must be.
    pub kind: ParamKind,
    /// Value where none is given; without one, the parameter must be given.
    pub default: Option<String>,
    /// Least and greatest number.
    pub range: Option<RangeInclusive<f64>>,
    /// What it is for, in a sentence.
    pub about: String,
}

/// What the value of a parameter must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    /// Any text.
    Text,
    /// A whole number.
    Bigint,
    /// A number.
    Double,
    /// A time, a day, or a span before now such as `7d`.
    Timestamp,
    /// `true` or `false`.
    Boolean,
}

impl ParamKind {
    /// The name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bigint => "bigint",
            Self::Double => "double",
            Self::Timestamp => "timestamp",
            Self::Boolean => "boolean",
        }
    }
}

impl fmt::Display for ParamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Param {
    /// The value to bind for `given`, or for the default where nothing is given; spans count back from `now`.
    ///
    /// The error says which parameter is wrong and what would be right.
    pub fn resolve(&self, given: Option<&str>, now: DateTime<Utc>) -> Result<String, String> {
        let Some(text) = given.or(self.default.as_deref()) else {
            return Err(format!("give a value with --param {}=…: {}", self.name, self.about));
        };
        let refused = |wanted: &str| format!("parameter {} = '{text}' is not {wanted}", self.name);
        match self.kind {
            ParamKind::Text => Ok(text.to_owned()),
            ParamKind::Boolean if text == "true" || text == "false" => Ok(text.to_owned()),
            ParamKind::Boolean => Err(refused("true or false")),
            ParamKind::Timestamp => {
                let time = match parse_span(text) {
                    Ok(span) => now.checked_sub_signed(span).ok_or_else(|| refused("a time"))?,
                    Err(_) => parse_time(text).map_err(|wanted| format!("{}: {wanted}", refused("a time")))?,
                };
                Ok(time.to_rfc3339_opts(SecondsFormat::Micros, true))
            }
            ParamKind::Bigint => {
                let number: i64 = text.parse().map_err(|_| refused("a whole number"))?;
                self.in_range(number as f64, text)
            }
            ParamKind::Double => {
                let number = text.parse().ok().filter(|n: &f64| n.is_finite()).ok_or_else(|| refused("a number"))?;
                self.in_range(number, text)
            }
        }
    }

    fn in_range(&self, number: f64, text: &str) -> Result<String, String> {
        match &self.range {
            Some(range) if !range.contains(&number) => {
                Err(format!("parameter {} = {text} is not within {}..{}", self.name, range.start(), range.end()))
            }
            _ => Ok(text.to_owned()),
        }
    }
}

impl FromStr for ParamKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Text, Self::Bigint, Self::Double, Self::Timestamp, Self::Boolean];
        all.into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| format!("no parameter type '{text}'; there are text, bigint, double, timestamp and boolean"))
    }
}

impl FromStr for Param {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = "a parameter is written NAME TYPE [= DEFAULT] [in MIN..MAX] -- what it is for";
        let (declared, about) = text.split_once(" -- ").ok_or(shape)?;
        let (declared, range) = match declared.split_once(" in ") {
            Some((declared, range)) => (declared, Some(parse_range(range)?)),
            None => (declared, None),
        };
        let (declared, default) = match declared.split_once('=') {
            Some((declared, default)) => (declared, Some(default.trim().to_owned())),
            None => (declared, None),
        };
        let [name, kind] = declared.split_whitespace().collect::<Vec<_>>()[..] else { return Err(shape.to_owned()) };
        let kind: ParamKind = kind.parse()?;
        if range.is_some() && !matches!(kind, ParamKind::Bigint | ParamKind::Double) {
            return Err(format!("a {kind} has no range"));
        }
        let param = Self { name: name.to_owned(), kind, default, range, about: about.trim().to_owned() };
        if param.default.is_some() {
            param.resolve(None, DateTime::UNIX_EPOCH + chrono::TimeDelta::days(36_500))?;
        }
        Ok(param)
    }
}

fn parse_range(text: &str) -> Result<RangeInclusive<f64>, String> {
    let refused = || format!("'{}' is not a range such as 1..100", text.trim());
    let (low, high) = text.trim().split_once("..").ok_or_else(refused)?;
    let (low, high): (f64, f64) = (low.parse().map_err(|_| refused())?, high.parse().map_err(|_| refused())?);
    if low <= high { Ok(low..=high) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(text: &str) -> Param {
        text.parse().expect("a parameter")
    }

    #[test]
    fn reads_all_parts() {
        let minimum = param("minimum bigint = 10 in 1..100 -- Refusals that make a burst");
        assert_eq!(
            (minimum.name.as_str(), minimum.kind, minimum.about.as_str()),
            ("minimum", ParamKind::Bigint, "Refusals that make a burst")
        );
        assert_eq!(minimum.resolve(None, Utc::now()), Ok("10".to_owned()));
        assert!(minimum.resolve(Some("101"), Utc::now()).is_err_and(|error| error.contains("1..100")));
        assert!(minimum.resolve(Some("x"), Utc::now()).is_err_and(|error| error.contains("whole number")));
        assert!(param("who text -- Whom").resolve(None, Utc::now()).is_err_and(|error| error.contains("--param who=")));
    }

    #[test]
    fn spans_count_back_from_now() {
        let now = parse_time("2024-03-08").expect("a day");
        let recent = param("recent timestamp = 7d -- Since when");
        assert_eq!(recent.resolve(None, now), Ok("2024-03-01T00:00:00.000000Z".to_owned()));
        assert_eq!(recent.resolve(Some("2024-01-01"), now), Ok("2024-01-01T00:00:00.000000Z".to_owned()));
    }

    #[test]
    fn refuses_what_cannot_be_meant() {
        for text in [
            "minimum bigint",
            "minimum int -- x",
            "a b c -- x",
            "n bigint = 200 in 1..100 -- x",
            "n bigint in 9..1 -- x",
            "t text in 1..2 -- x",
        ] {
            assert!(text.parse::<Param>().is_err(), "{text}");
        }
    }
}
