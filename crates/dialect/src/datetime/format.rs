//! Writing and reading times by a pattern.

use arrow::array::timezone::Tz;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use datafusion::common::{Result, exec_datafusion_err, exec_err};

use super::items::{Item, MONTHS, WEEKDAYS};
use super::moment::{local, zone};

/// Two-digit years are those from here on for a century (Joda's pivot of 2020 in Trino).
const FIRST_SHORT_YEAR: i32 = 1970;

/// Writes `time` by a pattern.
pub(super) fn format(items: &[Item], time: &DateTime<Tz>) -> String {
    let mut out = String::with_capacity(items.len() * 3);
    items.iter().for_each(|item| item.write(time, &mut out));
    out
}

/// Reads `text` by a pattern; fields that it has not are those of 1970-01-01 00:00 UTC.
pub(super) fn parse(items: &[Item], text: &str) -> Result<DateTime<Utc>> {
    let mut reader = Reader { rest: text, fields: Fields::default() };
    for item in items {
        if reader.take(item).is_none() {
            return malformed(text, reader.rest);
        }
    }
    if !reader.rest.is_empty() {
        return malformed(text, reader.rest);
    }
    let fields = reader.fields;
    let time = fields.time().ok_or_else(|| exec_datafusion_err!("'{text}' names a day or time that does not exist"))?;
    local(time, zone(fields.zone.as_deref().unwrap_or("UTC"))?)
}

fn malformed<T>(text: &str, rest: &str) -> Result<T> {
    if rest.is_empty() {
        return exec_err!("'{text}' is too short for its date format");
    }
    exec_err!("'{text}' does not fit its date format, at '{rest}'")
}

#[derive(Default)]
struct Fields {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    week_year: Option<i32>,
    week: Option<u32>,
    weekday: Option<u32>,
    hour: u32,
    half_day_hour: Option<u32>,
    is_afternoon: bool,
    minute: u32,
    second: u32,
    nanos: u32,
    zone: Option<String>,
}

impl Fields {
    fn time(&self) -> Option<NaiveDateTime> {
        let hour = self.half_day_hour.map_or(self.hour, |hour| hour % 12 + if self.is_afternoon { 12 } else { 0 });
        self.date()?.and_hms_nano_opt(hour, self.minute, self.second, self.nanos)
    }

    fn date(&self) -> Option<NaiveDate> {
        let year = self.year.unwrap_or(FIRST_SHORT_YEAR);
        if self.week.is_some() || self.week_year.is_some() {
            let weekday = chrono::Weekday::try_from(self.weekday.unwrap_or(1).checked_sub(1)? as u8).ok()?;
            return NaiveDate::from_isoywd_opt(self.week_year.unwrap_or(year), self.week.unwrap_or(1), weekday);
        }
        if let Some(day_of_year) = self.day_of_year {
            return NaiveDate::from_yo_opt(year, day_of_year);
        }
        NaiveDate::from_ymd_opt(year, self.month.unwrap_or(1), self.day.unwrap_or(1))
    }
}

struct Reader<'a> {
    rest: &'a str,
    fields: Fields,
}

impl Reader<'_> {
    fn take(&mut self, item: &Item) -> Option<()> {
        match item {
            Item::Text(text) => self.rest = self.rest.strip_prefix(text.as_str())?,
            Item::Era => self.word(&["AD", "BC"], 2).map(|_| ())?,
            Item::Century(_) => self.number(2).map(|_| ())?,
            Item::Year(digits) => self.fields.year = Some(self.signed((*digits).max(4))?),
            Item::ShortYear => {
                let year = self.number(2)? as i32;
                self.fields.year = Some(year + if year < FIRST_SHORT_YEAR % 100 { 2000 } else { 1900 });
            }
            Item::Month(_) => self.fields.month = Some(self.number(2)?),
            Item::MonthName => self.fields.month = Some(self.name(&MONTHS)?),
            Item::MonthAbbreviation => self.fields.month = Some(self.name(&MONTHS)?),
            Item::Day(_) => self.fields.day = Some(self.number(2)?),
            Item::DayOfYear(_) => self.fields.day_of_year = Some(self.number(3)?),
            Item::WeekYear(_) => self.fields.week_year = Some(self.signed(4)?),
            Item::Week(_) => self.fields.week = Some(self.number(2)?),
            Item::WeekdayNumber(_) => self.fields.weekday = Some(self.number(1)?),
            Item::WeekdayName | Item::WeekdayAbbreviation => self.fields.weekday = Some(self.name(&WEEKDAYS)?),
            Item::HalfDay => self.fields.is_afternoon = self.word(&["AM", "PM"], 2)? == 1,
            Item::Hour(_) => self.fields.hour = self.number(2)?,
            Item::ClockHour(_) => self.fields.hour = self.number(2)? % 24,
            Item::HalfDayHour(_) | Item::HalfDayClockHour(_) => self.fields.half_day_hour = Some(self.number(2)?),
            Item::Minute(_) => self.fields.minute = self.number(2)?,
            Item::Second(_) => self.fields.second = self.number(2)?,
            Item::Fraction(_) => self.fields.nanos = self.fraction()?,
            Item::Offset | Item::OffsetWithColon => self.fields.zone = Some(self.offset()?),
            Item::ZoneName => self.fields.zone = Some(self.zone_name()?),
        }
        Some(())
    }

    fn digits(&mut self, most: usize) -> Option<String> {
        let length = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        (length > 0).then(|| digits.to_owned())
    }

    fn number(&mut self, most: usize) -> Option<u32> {
        self.digits(most)?.parse().ok()
    }

    fn signed(&mut self, most: usize) -> Option<i32> {
        let rest = self.rest.strip_prefix('-');
        self.rest = rest.unwrap_or(self.rest);
        let value: i32 = self.digits(most)?.parse().ok()?;
        Some(if rest.is_some() { -value } else { value })
    }

    fn fraction(&mut self) -> Option<u32> {
        let digits = self.digits(9)?;
        format!("{digits:0<9}").parse().ok()
    }

    /// Takes one of `words` in any case, by its first `length` letters.
    fn word(&mut self, words: &[&str], length: usize) -> Option<usize> {
        let start = self.rest.get(..length)?;
        let index = words.iter().position(|word| word[..length].eq_ignore_ascii_case(start))?;
        self.rest = &self.rest[length..];
        Some(index)
    }

    /// Takes a name, whole or its first three letters, and returns its number from 1.
    fn name(&mut self, names: &[&str]) -> Option<u32> {
        let index = self.word(names, 3)?;
        let tail = &names[index][3..];
        if let Some(start) = self.rest.get(..tail.len()).filter(|start| start.eq_ignore_ascii_case(tail)) {
            self.rest = &self.rest[start.len()..];
        }
        Some(index as u32 + 1)
    }

    fn offset(&mut self) -> Option<String> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some("UTC".to_owned());
        }
        let sign = self.rest.chars().next().filter(|c| matches!(c, '+' | '-'))?;
        self.rest = &self.rest[1..];
        let hours = self.digits(2)?;
        self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
        let minutes = self.digits(2)?;
        Some(format!("{sign}{hours}:{minutes}"))
    }

    fn zone_name(&mut self) -> Option<String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '+' | '-' | ':');
        let length = self.rest.find(|c| !is_name(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        (length > 0).then(|| name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::super::pattern::{joda_pattern, mysql_pattern};
    use super::*;

    /// Seconds from 1000-01-01 to 9999-12-31.
    const SECONDS: std::ops::RangeInclusive<i64> = -30_610_224_000..=253_402_300_799;

    fn shown(seconds: i64, items: &[Item]) -> String {
        format(items, &DateTime::from_timestamp(seconds, 0).unwrap().with_timezone(&"UTC".parse().unwrap()))
    }

    proptest! {
        /// The codes that MySQL and strftime share mean the same, and the others have a twin there.
        #[test]
        fn formats_as_chrono_does(seconds in SECONDS) {
            let time = DateTime::from_timestamp(seconds, 0).unwrap();
            let pairs = [
                ("%Y-%m-%d %H:%i:%s", "%Y-%m-%d %H:%M:%S"),
                ("%a %b %e %k %j %p", "%a %b %-d %-H %j %p"),
                ("%W %M %y %h %l %T", "%A %B %y %I %-I %T"),
                ("%x-%v %c", "%G-%V %-m"),
            ];
            for (mysql, chrono) in pairs {
                prop_assert_eq!(shown(seconds, &mysql_pattern(mysql).unwrap()), time.format(chrono).to_string());
            }
            let joda = joda_pattern("yyyy-MM-dd'T'HH:mm:ss EEEE MMM D e").unwrap();
            prop_assert_eq!(shown(seconds, &joda), time.format("%Y-%m-%dT%H:%M:%S %A %b %-j %u").to_string());
        }

        #[test]
        fn reads_what_it_writes(seconds in SECONDS) {
            for items in [
                mysql_pattern("%Y-%m-%dT%H:%i:%sZ").unwrap(),
                mysql_pattern("%W %e %M %Y %r").unwrap(),
                joda_pattern("yyyy D HH:mm:ss Z").unwrap(),
                joda_pattern("xxxx-ww-e hh 'o''clock' a mm ss").unwrap(),
            ] {
                prop_assert_eq!(parse(&items, &shown(seconds, &items)).unwrap().timestamp(), seconds);
            }
        }
    }
}
