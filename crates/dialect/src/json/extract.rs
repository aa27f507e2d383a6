//! `json_extract_scalar` and the other functions that read JSON text.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Int64Builder, ListBuilder, StringBuilder};
use arrow::datatypes::DataType;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::ScalarUDF;
use serde_json::Value;

use super::path::Path;
use super::scan::{Cursor, minify, scalar_text, unescape};
use crate::function::{Call, Function, Kind, Returns, text_list};

const JSON: &[Kind] = &[Kind::Text];
const JSON_AND_PATH: &[Kind] = &[Kind::Text, Kind::Text];

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let text = || Returns::Type(DataType::Utf8);
    [
        Function::new("json_extract_scalar", JSON_AND_PATH, text(), extract_scalar),
        Function::new("json_extract", JSON_AND_PATH, Returns::Json, extract),
        Function::new("json_extract_string", JSON_AND_PATH, text(), extract_string),
        Function::new("json_items", JSON_AND_PATH, Returns::Json, items),
        Function::new("json_only_scalar", JSON_AND_PATH, text(), only_scalar),
        Function::new("json_size", JSON_AND_PATH, Returns::Type(DataType::Int64), size),
        Function::new("json_parse", JSON, Returns::Json, parse),
        Function::new("json_format", JSON, text(), format),
        Function::new("json_array_length", JSON, Returns::Type(DataType::Int64), array_length),
        Function::new("json_array_get", &[Kind::Text, Kind::Int], text(), array_get),
        Function::new(
            "json_array_contains",
            &[Kind::Text, Kind::Any],
            Returns::Type(DataType::Boolean),
            array_contains,
        ),
        Function::new("json_contains", JSON_AND_PATH, Returns::Type(DataType::Boolean), contains),
        Function::new("json_keys", JSON, Returns::Type(text_list()), keys),
        Function::new("is_json_scalar", JSON, Returns::Type(DataType::Boolean), is_scalar),
    ]
    .into_iter()
    .map(Function::udf)
    .collect()
}

/// Paths of a call; nearly always one for all rows.
enum Paths {
    One(Option<Path>),
    Each(Vec<Option<Path>>),
}

impl Paths {
    fn new(call: &Call, index: usize) -> Result<Self> {
        let texts = call.texts(index)?;
        if call.constant(index).is_some() {
            return Ok(Self::One(texts.get(0).map(Path::parse).transpose()?));
        }
        (0..call.rows).map(|row| texts.get(row).map(Path::parse).transpose()).collect::<Result<_>>().map(Self::Each)
    }

    fn get(&self, row: usize) -> Option<&Path> {
        match self {
            Self::One(path) => path.as_ref(),
            Self::Each(paths) => paths[row].as_ref(),
        }
    }
}

fn found<'a>(json: Option<&'a str>, path: Option<&Path>) -> Option<Cow<'a, str>> {
    path?.find(json?)
}

/// Builds text of what the paths lead to.
fn map_found(call: &Call, text: fn(Cow<'_, str>) -> Option<Cow<'_, str>>) -> Result<ArrayRef> {
    let (json, paths) = (call.texts(0)?, Paths::new(call, 1)?);
    match &paths {
        Paths::One(path) => call.map_texts(json, |json| Ok(found(Some(json), path.as_ref()).and_then(text))),
        Paths::Each(_) => call.build_texts(|row| Ok(found(json.get(row), paths.get(row)).and_then(text))),
    }
}

fn extract_scalar(call: &Call) -> Result<ArrayRef> {
    map_found(call, |value| match value {
        Cow::Borrowed(value) => scalar_text(value),
        Cow::Owned(value) => scalar_text(&value).map(|text| Cow::Owned(text.into_owned())),
    })
}

fn extract(call: &Call) -> Result<ArrayRef> {
    map_found(call, |value| Some(Cow::Owned(minify(&value).into_owned())))
}

/// An array of all that a lax path leads to.
fn items(call: &Call) -> Result<ArrayRef> {
    let (json, paths) = (call.texts(0)?, Paths::new(call, 1)?);
    call.build_texts(|row| {
        let (Some(json), Some(path)) = (json.get(row), paths.get(row)) else { return Ok(None) };
        let items = path.find_lax(json);
        Ok(items.map(|items| format!("[{}]", items.into_iter().map(minify).collect::<Vec<_>>().join(","))))
    })
}

/// The one scalar that a lax path leads to; NULL for more of them, as for none.
fn only_scalar(call: &Call) -> Result<ArrayRef> {
    let (json, paths) = (call.texts(0)?, Paths::new(call, 1)?);
    let scalar = |json, path: &Path| match path.find_lax(json)?.as_slice() {
        [item] => scalar_text(item).map(Cow::into_owned),
        _ => None,
    };
    call.build_texts(|row| Ok(json.get(row).zip(paths.get(row)).and_then(|(json, path)| scalar(json, path))))
}

/// DuckDB's: a plain name is a member, and objects and arrays come as JSON.
fn extract_string(call: &Call) -> Result<ArrayRef> {
    let json = call.texts(0)?;
    let names = call.texts(1)?;
    call.build_texts(|row| {
        let (Some(json), Some(name)) = (json.get(row), names.get(row)) else { return Ok(None) };
        let path = if name.starts_with('$') { Path::parse(name)? } else { Path::new(vec![member(name)]) };
        Ok(path.find(json).and_then(|value| super::member_text(&value).map(Cow::into_owned)))
    })
}

fn member(name: &str) -> super::path::Step {
    super::path::Step::Member(name.to_owned())
}

fn size(call: &Call) -> Result<ArrayRef> {
    let (json, paths) = (call.texts(0)?, Paths::new(call, 1)?);
    let mut sizes = Int64Builder::with_capacity(call.rows);
    for row in 0..call.rows {
        sizes.append_option(found(json.get(row), paths.get(row)).and_then(|value| count(&value)));
    }
    Ok(Arc::new(sizes.finish()))
}

/// Members of an object, elements of an array; a scalar has none.
fn count(value: &str) -> Option<i64> {
    let cursor = Cursor::new(value);
    let mut count = 0;
    match cursor.peek()? {
        b'{' => cursor.members(|_, _| {
            count += 1;
            true
        })?,
        b'[' => cursor.elements(|_| {
            count += 1;
            true
        })?,
        _ => {}
    }
    Some(count)
}

/// Members sorted by name, as Trino's `json_parse` has them.
fn parse(call: &Call) -> Result<ArrayRef> {
    let json = call.texts(0)?;
    call.build_texts(|row| {
        let Some(text) = json.get(row) else { return Ok(None) };
        let mut value: Value = serde_json::from_str(text)
            .map_err(|error| exec_datafusion_err!("json_parse: {} is no JSON: {error}", excerpt(text)))?;
        value.sort_all_objects();
        Ok(Some(value.to_string()))
    })
}

fn excerpt(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    if start.len() < text.len() { format!("'{start}…'") } else { format!("'{start}'") }
}

fn format(call: &Call) -> Result<ArrayRef> {
    let json = call.texts(0)?;
    call.build_texts(|row| Ok(json.get(row).map(minify)))
}

fn array_length(call: &Call) -> Result<ArrayRef> {
    let json = call.texts(0)?;
    let mut lengths = Int64Builder::with_capacity(call.rows);
    for row in 0..call.rows {
        let array = json.get(row).map(Cursor::new).filter(|cursor| cursor.peek() == Some(b'['));
        let mut length = 0;
        let counted = array.and_then(|cursor| {
            cursor.elements(|_| {
                length += 1;
                true
            })
        });
        lengths.append_option(counted.map(|()| length));
    }
    Ok(Arc::new(lengths.finish()))
}

/// The element at an index from 0, or from the end where it is negative; strings without quotes, as Trino has them.
fn array_get(call: &Call) -> Result<ArrayRef> {
    let (json, indexes) = (call.texts(0)?, call.ints(1)?);
    call.build_texts(|row| {
        let (Some(json), Some(index)) = (json.get(row), indexes[row]) else { return Ok(None) };
        let mut elements = Vec::new();
        let complete = Cursor::new(json).elements(|mut element| {
            elements.extend(element.take_value());
            true
        });
        let index = if index < 0 { index + elements.len() as i64 } else { index };
        let element = usize::try_from(index).ok().and_then(|index| elements.get(index));
        Ok(complete.and(element).and_then(|element| super::member_text(element)))
    })
}

fn array_contains(call: &Call) -> Result<ArrayRef> {
    let json = call.texts(0)?;
    let wanted = super::from_value::values(&call.array(1)?)?;
    let mut verdicts = BooleanBuilder::with_capacity(call.rows);
    for (row, wanted) in wanted.iter().enumerate() {
        let elements = json.get(row).and_then(|json| serde_json::from_str::<Vec<Value>>(json).ok());
        let verdict = elements.filter(|_| !wanted.is_null()).map(|elements| elements.contains(wanted));
        verdicts.append_option(verdict);
    }
    Ok(Arc::new(verdicts.finish()))
}

/// DuckDB's: whether the second JSON value is somewhere in the first, objects by their members.
fn contains(call: &Call) -> Result<ArrayRef> {
    let (haystacks, needles) = (call.texts(0)?, call.texts(1)?);
    let mut verdicts = BooleanBuilder::with_capacity(call.rows);
    for row in 0..call.rows {
        let verdict = haystacks.get(row).zip(needles.get(row)).and_then(|(haystack, needle)| {
            let haystack: Value = serde_json::from_str(haystack).ok()?;
            // A bare word is meant as a string.
            let needle = serde_json::from_str(needle).unwrap_or_else(|_| Value::from(needle));
            Some(has(&haystack, &needle))
        });
        verdicts.append_option(verdict);
    }
    Ok(Arc::new(verdicts.finish()))
}

fn has(haystack: &Value, needle: &Value) -> bool {
    matches(haystack, needle)
        || match haystack {
            Value::Array(elements) => elements.iter().any(|element| has(element, needle)),
            Value::Object(members) => members.values().any(|member| has(member, needle)),
            _ => false,
        }
}

/// Whether a value is the other one, but for members and elements that it has besides; nothing is looked for deeper.
fn matches(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::Object(all), Value::Object(some)) => {
            some.iter().all(|(key, wanted)| all.get(key).is_some_and(|member| matches(member, wanted)))
        }
        (Value::Array(all), Value::Array(some)) => {
            some.iter().all(|wanted| all.iter().any(|element| matches(element, wanted)))
        }
        _ => value == wanted,
    }
}

fn keys(call: &Call) -> Result<ArrayRef> {
    let json = call.texts(0)?;
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..call.rows {
        let mut names = Vec::new();
        let complete = json.get(row).and_then(|json| {
            Cursor::new(json).members(|key, _| {
                names.extend(unescape(key));
                true
            })
        });
        names.iter().for_each(|name| lists.values().append_value(name));
        lists.append(complete.is_some());
    }
    Ok(Arc::new(lists.finish()))
}

fn is_scalar(call: &Call) -> Result<ArrayRef> {
    let json = call.texts(0)?;
    let mut verdicts = BooleanBuilder::with_capacity(call.rows);
    for row in 0..call.rows {
        verdicts.append_option(json.get(row).map(|json| !matches!(Cursor::new(json).peek(), Some(b'{' | b'['))));
    }
    Ok(Arc::new(verdicts.finish()))
}
