//! The two notations of date patterns: MySQL's (`%Y-%m-%d`) and Joda's (`yyyy-MM-dd`).

use datafusion::common::{Result, exec_err};

use super::items::Item;

/// Reads a pattern of `date_format` and `date_parse`.
pub(crate) fn mysql_pattern(pattern: &str) -> Result<Vec<Item>> {
    let mut items = Items::default();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            items.text(c);
            continue;
        }
        let Some(code) = chars.next() else {
            items.text('%');
            break;
        };
        match code {
            'a' => items.push(Item::WeekdayAbbreviation),
            'b' => items.push(Item::MonthAbbreviation),
            'c' => items.push(Item::Month(1)),
            'd' => items.push(Item::Day(2)),
            'e' => items.push(Item::Day(1)),
            'f' => items.push(Item::Fraction(6)),
            'H' => items.push(Item::Hour(2)),
            'h' | 'I' => items.push(Item::HalfDayClockHour(2)),
            'i' => items.push(Item::Minute(2)),
            'j' => items.push(Item::DayOfYear(3)),
            'k' => items.push(Item::Hour(1)),
            'l' => items.push(Item::HalfDayClockHour(1)),
            'M' => items.push(Item::MonthName),
            'm' => items.push(Item::Month(2)),
            'p' => items.push(Item::HalfDay),
            'r' => items.clock([Item::HalfDayClockHour(2), Item::Minute(2), Item::Second(2)], true),
            'S' | 's' => items.push(Item::Second(2)),
            'T' => items.clock([Item::Hour(2), Item::Minute(2), Item::Second(2)], false),
            'v' => items.push(Item::Week(2)),
            'W' => items.push(Item::WeekdayName),
            'x' => items.push(Item::WeekYear(4)),
            'Y' => items.push(Item::Year(4)),
            'y' => items.push(Item::ShortYear),
            'D' | 'U' | 'u' | 'V' | 'w' | 'X' => {
                return exec_err!("%{code} is not supported in a date format, in Trino neither");
            }
            other => items.text(other),
        }
    }
    Ok(items.list)
}

/// Reads a pattern of `format_datetime` and `parse_datetime`.
pub(super) fn joda_pattern(pattern: &str) -> Result<Vec<Item>> {
    let mut items = Items::default();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if c == '\'' {
            rest = items.quoted(&rest[1..]);
            continue;
        }
        if !c.is_ascii_alphabetic() {
            items.text(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let count = rest.chars().take_while(|other| *other == c).count();
        items.push(joda_item(c, count)?);
        rest = &rest[count..];
    }
    Ok(items.list)
}

fn joda_item(letter: char, count: usize) -> Result<Item> {
    Ok(match (letter, count) {
        ('G', _) => Item::Era,
        ('C', _) => Item::Century(count),
        ('y' | 'Y', 2) => Item::ShortYear,
        ('y' | 'Y', _) => Item::Year(count),
        ('x', _) => Item::WeekYear(count),
        ('w', _) => Item::Week(count),
        ('e', _) => Item::WeekdayNumber(count),
        ('E', ..=3) => Item::WeekdayAbbreviation,
        ('E', _) => Item::WeekdayName,
        ('D', _) => Item::DayOfYear(count),
        ('M', ..=2) => Item::Month(count),
        ('M', 3) => Item::MonthAbbreviation,
        ('M', _) => Item::MonthName,
        ('d', _) => Item::Day(count),
        ('a', _) => Item::HalfDay,
        ('K', _) => Item::HalfDayHour(count),
        ('h', _) => Item::HalfDayClockHour(count),
        ('H', _) => Item::Hour(count),
        ('k', _) => Item::ClockHour(count),
        ('m', _) => Item::Minute(count),
        ('s', _) => Item::Second(count),
        ('S', _) => Item::Fraction(count),
        ('Z', 1) => Item::Offset,
        ('Z', 2) => Item::OffsetWithColon,
        ('Z' | 'z', _) => Item::ZoneName,
        (other, _) => return exec_err!("'{other}' means nothing in a date format; quote it as '''{other}'''"),
    })
}

/// Parts so far; neighbouring text is one part.
#[derive(Default)]
struct Items {
    list: Vec<Item>,
}

impl Items {
    fn push(&mut self, item: Item) {
        self.list.push(item);
    }

    fn text(&mut self, c: char) {
        match self.list.last_mut() {
            Some(Item::Text(text)) => text.push(c),
            _ => self.list.push(Item::Text(c.to_string())),
        }
    }

    fn clock(&mut self, parts: [Item; 3], with_half_day: bool) {
        let [hour, minute, second] = parts;
        self.push(hour);
        self.text(':');
        self.push(minute);
        self.text(':');
        self.push(second);
        if with_half_day {
            self.text(' ');
            self.push(Item::HalfDay);
        }
    }

    /// Takes text up to the closing quote, with `''` for a quote, and returns what follows.
    fn quoted<'a>(&mut self, text: &'a str) -> &'a str {
        if let Some(rest) = text.strip_prefix('\'') {
            self.text('\'');
            return rest;
        }
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match (c, rest.strip_prefix('\'')) {
                ('\'', Some(behind)) => {
                    self.text('\'');
                    rest = behind;
                }
                ('\'', None) => return rest,
                _ => self.text(c),
            }
        }
        rest
    }
}
