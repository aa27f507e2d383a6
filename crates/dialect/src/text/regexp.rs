//! Functions of regular expressions.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListBuilder, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

use super::pattern::{Groups, Pattern};
use crate::function::{Call, Function, Kind, Returns, Texts, text_list};

const TEXT: Kind = Kind::Text;

/// What DuckDB's `regexp_replace` is without the option `g`.
const REPLACE_FIRST: &str = "regexp_replace_first";

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
        Function::new(REPLACE_FIRST, &[TEXT, TEXT, TEXT], text(), replace),
        Function::new("regexp_groups", &[TEXT, TEXT], Returns::Type(list_of(text_list())), all_groups),
        Function::new("regexp_fill", &[TEXT, TEXT, Kind::Any], text(), fill),
        Function::new("regexp_split", &[TEXT, TEXT], Returns::Type(text_list()), split),
        Function::new("regexp_count", &[TEXT, TEXT], int(), count),
        Function::new("regexp_position", &[TEXT, TEXT, Kind::Int, Kind::Int], int(), position).optional_after(2),
    ]
    .into_iter()
    .map(Function::udf)
    .collect()
}

/// Compiled patterns of one call.
struct Patterns<'a> {
    texts: Texts<'a>,
    compiled: RefCell<HashMap<&'a str, Rc<Pattern>>>,
}

impl<'a> Patterns<'a> {
    fn new(call: &'a Call) -> Result<Self> {
        Ok(Self { texts: call.texts(1)?, compiled: RefCell::default() })
    }

    fn get(&self, row: usize) -> Result<Option<Rc<Pattern>>> {
        let Some(pattern) = self.texts.get(row) else { return Ok(None) };
        let mut compiled = self.compiled.borrow_mut();
        if let Some(regex) = compiled.get(pattern) {
            return Ok(Some(Rc::clone(regex)));
        }
        let regex = Rc::new(Pattern::compile(pattern)?);
        compiled.insert(pattern, Rc::clone(&regex));
        Ok(Some(regex))
    }

    /// Returns a row's text and pattern; `None` if one is NULL.
    fn pair<'t>(&self, texts: &Texts<'t>, row: usize) -> Result<Option<(&'t str, Rc<Pattern>)>> {
        match (texts.get(row), self.get(row)?) {
            (Some(text), Some(regex)) => Ok(Some((text, regex))),
            _ => Ok(None),
        }
    }
}

fn like(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, Patterns::new(call)?);
    let verdict = |row| patterns.pair(&texts, row)?.map(|(text, regex)| regex.is_match(text)).transpose();
    Ok(Arc::new((0..call.rows).map(verdict).collect::<Result<BooleanArray>>()?))
}

fn group(regex: &Pattern, group: i64) -> Result<usize> {
    match usize::try_from(group) {
        Ok(index) if index < regex.groups() => Ok(index),
        _ => exec_err!("'{regex}' has {} groups, and no group {group}", regex.groups() - 1),
    }
}

fn extract(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns, groups) = (call.texts(0)?, Patterns::new(call)?, call.ints_or(2, 0)?);
    call.build_texts(|row| {
        let (Some((text, regex)), Some(index)) = (patterns.pair(&texts, row)?, groups[row]) else { return Ok(None) };
        let index = group(&regex, index)?;
        let mut part = None;
        regex.each_match(text, |found| {
            part = found.group(index).map(|range| &text[range]);
            false
        })?;
        Ok(part)
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
        regex.each_match(text, |found| {
            lists.values().append_option(found.group(index).map(|range| &text[range]));
            true
        })?;
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
        let (mut out, mut copied) = (String::new(), 0);
        regex.each_match(text, |found| {
            let Some(range) = found.group(0) else { return false };
            out.push_str(&text[copied..range.start]);
            parts.iter().for_each(|part| out.push_str(part.text(text, found)));
            copied = range.end;
            call.name != REPLACE_FIRST
        })?;
        out.push_str(&text[copied..]);
        Ok(Some(out))
    })
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

/// The groups of every match, for the lambda of `regexp_replace`; the whole match is none of them.
fn all_groups(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, Patterns::new(call)?);
    let mut lists = ListBuilder::new(ListBuilder::new(StringBuilder::new()));
    for row in 0..call.rows {
        let pair = patterns.pair(&texts, row)?;
        if let Some((text, regex)) = &pair {
            regex.each_match(text, |found| {
                let groups = (1..regex.groups()).map(|index| found.group(index).map(|range| &text[range]));
                lists.values().append_value(groups);
                true
            })?;
        }
        lists.append(pair.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

/// Puts the elements of an array for the matches, one each; NULL takes a match away.
fn fill(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, Patterns::new(call)?);
    let replacements = cast(&call.array(2)?, &text_list())?;
    let replacements = replacements.as_list::<i32>();
    call.build_texts(|row| {
        let Some((text, regex)) = patterns.pair(&texts, row)?.filter(|_| replacements.is_valid(row)) else {
            return Ok(None);
        };
        let replacements = replacements.value(row);
        let mut replacements = replacements.as_string::<i32>().iter();
        let (mut out, mut copied) = (String::new(), 0);
        regex.each_place(text, |range| {
            out.push_str(&text[copied..range.start]);
            out.push_str(replacements.next().flatten().unwrap_or_default());
            copied = range.end;
            true
        })?;
        out.push_str(&text[copied..]);
        Ok(Some(out))
    })
}

/// A piece of a replacement: text, or what a group found.
enum Part<'a> {
    Text(&'a str),
    Group(usize),
    Named(&'a str),
}

impl Part<'_> {
    fn text<'t>(&'t self, text: &'t str, found: &dyn Groups) -> &'t str {
        let range = match self {
            Self::Text(text) => return text,
            Self::Group(index) => found.group(*index),
            Self::Named(name) => found.named(name),
        };
        range.map_or("", |range| &text[range])
    }
}

/// Reads `$1`, `${name}` and `\$` as Java does.
fn replacement_parts<'a>(replacement: &'a str, regex: &Pattern) -> Result<Vec<Part<'a>>> {
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
fn group_number<'a>(text: &'a str, regex: &Pattern) -> Result<(usize, &'a str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let named = (1..=digits).rev().find_map(|length| {
        let index = text[..length].parse().ok().filter(|index| *index < regex.groups())?;
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
            let mut copied = 0;
            regex.each_place(text, |range| {
                lists.values().append_value(&text[copied..range.start]);
                copied = range.end;
                true
            })?;
            lists.values().append_value(&text[copied..]);
        }
        lists.append(pair.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

fn count(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, Patterns::new(call)?);
    let count = |(text, regex): (&str, Rc<Pattern>)| {
        let mut count = 0;
        regex.each_place(text, |_| {
            count += 1;
            true
        })?;
        Ok(count)
    };
    let counts = (0..call.rows).map(|row| patterns.pair(&texts, row)?.map(count).transpose());
    Ok(Arc::new(counts.collect::<Result<Int64Array>>()?))
}

/// Position in characters, from 1, of a match that begins at a place or behind it; -1 where nothing is found.
fn position(call: &Call) -> Result<ArrayRef> {
    let (texts, patterns) = (call.texts(0)?, Patterns::new(call)?);
    let (starts, occurrences) = (call.ints_or(2, 1)?, call.ints_or(3, 1)?);
    let position = |row| {
        let (Some((text, regex)), Some(start), Some(occurrence)) =
            (patterns.pair(&texts, row)?, starts[row], occurrences[row])
        else {
            return Ok(None);
        };
        if start < 1 || occurrence < 1 {
            return exec_err!("regexp_position counts places and matches from 1");
        }
        let Some((from, _)) = text.char_indices().nth(start as usize - 1) else { return Ok(Some(-1)) };
        let (mut position, mut left) = (-1, occurrence);
        regex.each_place(text, |range| {
            left -= i64::from(range.start >= from);
            if left == 0 {
                position = text[..range.start].chars().count() as i64 + 1;
            }
            left > 0
        })?;
        Ok(Some(position))
    };
    Ok(Arc::new((0..call.rows).map(position).collect::<Result<Int64Array>>()?))
}
