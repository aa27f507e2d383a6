//! Regular expressions. Trino's are Java's; what the `regex` crate has not (lookaround, backreferences) is an error.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, ListBuilder, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;
use regex::{Captures, Regex};

use crate::function::{Call, Function, Kind, Returns, Texts, text_list};

const TEXT: Kind = Kind::Text;

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let text = || Returns::Type(DataType::Utf8);
    let int = || Returns::Type(DataType::Int64);
    [
        Function::new("regexp_like", &[TEXT, TEXT], Returns::Type(DataType::Boolean), like)
            .aliases(&["regexp_matches"]),
        Function::new("regexp_extract", &[TEXT, TEXT, Kind::Int], text(), extract).optional_after(2),
        Function::new("regexp_extract_all", &[TEXT, TEXT, Kind::Int], Returns::Type(text_list()), extract_all)
            .optional_after(2),
        Function::new("regexp_replace", &[TEXT, TEXT, TEXT], text(), replace).optional_after(2),
        Function::new("regexp_split", &[TEXT, TEXT], Returns::Type(text_list()), split),
        Function::new("regexp_count", &[TEXT, TEXT], int(), count),
        Function::new("regexp_position", &[TEXT, TEXT], int(), position),
    ]
    .into_iter()
    .map(Function::udf)
    .collect()
}

/// Compiled patterns of one call.
struct Patterns<'a> {
    texts: Texts<'a>,
    compiled: RefCell<HashMap<&'a str, Rc<Regex>>>,
}

impl<'a> Patterns<'a> {
    fn new(call: &'a Call) -> Result<Self> {
        Ok(Self { texts: call.texts(1)?, compiled: RefCell::default() })
    }

    fn get(&self, row: usize) -> Result<Option<Rc<Regex>>> {
        let Some(pattern) = self.texts.get(row) else { return Ok(None) };
        let mut compiled = self.compiled.borrow_mut();
        if let Some(regex) = compiled.get(pattern) {
            return Ok(Some(Rc::clone(regex)));
        }
        let regex = Rc::new(compile(pattern)?);
        compiled.insert(pattern, Rc::clone(&regex));
        Ok(Some(regex))
    }

    /// Returns a row's text and pattern; `None` if one is NULL.
    fn pair<'t>(&self, texts: &Texts<'t>, row: usize) -> Result<Option<(&'t str, Rc<Regex>)>> {
        match (texts.get(row), self.get(row)?) {
            (Some(text), Some(regex)) => Ok(Some((text, regex))),
            _ => Ok(None),
        }
    }
}

fn compile(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or(&reason);
        exec_datafusion_err!("'{pattern}' is no regular expression that can run here: {reason}")
    })
}

fn like(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, Patterns::new(call)?);
    let verdict = |row| Ok(patterns.pair(&texts, row)?.map(|(text, regex)| regex.is_match(text)));
    Ok(Arc::new((0..call.rows).map(verdict).collect::<Result<BooleanArray>>()?))
}

fn group(regex: &Regex, group: i64) -> Result<usize> {
    match usize::try_from(group) {
        Ok(index) if index < regex.captures_len() => Ok(index),
        _ => exec_err!("'{regex}' has {} groups, and no group {group}", regex.captures_len() - 1),
    }
}

fn extract(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns, groups) = (call.texts(0)?, Patterns::new(call)?, call.ints_or(2, 0)?);
    call.build_texts(|row| {
        let (Some((text, regex)), Some(index)) = (patterns.pair(&texts, row)?, groups[row]) else { return Ok(None) };
        let index = group(&regex, index)?;
        Ok(regex.captures(text).and_then(|found| found.get(index)).map(|found| found.as_str()))
    })
}

fn extract_all(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns, groups) = (call.texts(0)?, Patterns::new(call)?, call.ints_or(2, 0)?);
    let mut lists = ListBuilder::new(StringBuilder::new());
    for (row, index) in groups.into_iter().enumerate() {
        let (Some((text, regex)), Some(index)) = (patterns.pair(&texts, row)?, index) else {
            lists.append_null();
            continue;
        };
        let index = group(&regex, index)?;
        for found in regex.captures_iter(text) {
            lists.values().append_option(found.get(index).map(|found| found.as_str()));
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

fn replace(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns, replacements) = (call.texts(0)?, Patterns::new(call)?, call.optional_texts(2)?);
    call.build_texts(|row| {
        let replacement = match &replacements {
            Some(replacements) => replacements.get(row),
            None => Some(""),
        };
        let (Some((text, regex)), Some(replacement)) = (patterns.pair(&texts, row)?, replacement) else {
            return Ok(None);
        };
        let parts = replacement_parts(replacement, &regex)?;
        let expand = |found: &Captures<'_>| parts.iter().map(|part| part.text(found)).collect::<String>();
        Ok(Some(regex.replace_all(text, expand)))
    })
}

/// A piece of a replacement: text, or what a group found.
enum Part<'a> {
    Text(&'a str),
    Group(usize),
    Named(&'a str),
}

impl Part<'_> {
    fn text<'t>(&'t self, found: &'t Captures<'_>) -> &'t str {
        match self {
            Self::Text(text) => text,
            Self::Group(index) => found.get(*index).map_or("", |found| found.as_str()),
            Self::Named(name) => found.name(name).map_or("", |found| found.as_str()),
        }
    }
}

/// Reads `$1`, `${name}` and `\$` as Java does.
fn replacement_parts<'a>(replacement: &'a str, regex: &Regex) -> Result<Vec<Part<'a>>> {
    let mut parts = Vec::new();
    let mut rest = replacement;
    while let Some(at) = rest.find(['$', '\\']) {
        parts.push(Part::Text(&rest[..at]));
        let tail = &rest[at + 1..];
        if rest[at..].starts_with('\\') {
            let Some(c) = tail.chars().next() else { return exec_err!("a replacement ends with a backslash") };
            parts.push(Part::Text(&tail[..c.len_utf8()]));
            rest = &tail[c.len_utf8()..];
        } else if let Some((name, behind)) = tail.strip_prefix('{').and_then(|tail| tail.split_once('}')) {
            parts.push(Part::Named(name));
            rest = behind;
        } else {
            let (index, behind) = group_number(tail, regex)?;
            parts.push(Part::Group(index));
            rest = behind;
        }
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

/// Takes as many digits as name a group.
fn group_number<'a>(text: &'a str, regex: &Regex) -> Result<(usize, &'a str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let named = (1..=digits).rev().find_map(|length| {
        let index = text[..length].parse().ok().filter(|index| *index < regex.captures_len())?;
        Some((index, &text[length..]))
    });
    named.ok_or_else(|| {
        exec_datafusion_err!("'${}' in a replacement names no group of '{regex}'", &text[..digits.min(2)])
    })
}

fn split(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, Patterns::new(call)?);
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..call.rows {
        let pair = patterns.pair(&texts, row)?;
        if let Some((text, regex)) = &pair {
            regex.split(text).for_each(|part| lists.values().append_value(part));
        }
        lists.append(pair.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

fn count(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, Patterns::new(call)?);
    let count = |row| Ok(patterns.pair(&texts, row)?.map(|(text, regex)| regex.find_iter(text).count() as i64));
    Ok(Arc::new((0..call.rows).map(count).collect::<Result<Int64Array>>()?))
}

/// Position in characters, from 1; -1 where nothing is found.
fn position(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, Patterns::new(call)?);
    let position = |(text, regex): (&str, Rc<Regex>)| match regex.find(text) {
        Some(found) => text[..found.start()].chars().count() as i64 + 1,
        None => -1,
    };
    let positions = (0..call.rows).map(|row| Ok(patterns.pair(&texts, row)?.map(position)));
    Ok(Arc::new(positions.collect::<Result<Int64Array>>()?))
}
