//! `split_to_map` and `split_to_multimap`: text of entries as a map.
//!
//! See "String functions" in Trino's documentation (<https://trino.io/docs/current/functions/string.html>).

use std::sync::Arc;

use arrow::array::{ArrayRef, ListBuilder, MapBuilder, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, exec_err};

use crate::function::{Call, Function, Kind, Returns, text_list};

pub(super) fn functions() -> Vec<Function> {
    const TEXTS: &[Kind] = &[Kind::Text, Kind::Text, Kind::Text];
    vec![
        Function::new("split_to_map", TEXTS, Returns::From(|_| Ok(map_to(DataType::Utf8))), split_to_map),
        Function::new("split_to_multimap", TEXTS, Returns::From(|_| Ok(map_to(text_list()))), split_to_multimap),
    ]
}

fn map_to(value: DataType) -> FieldRef {
    let fields = vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)];
    let entries = Field::new("entries", DataType::Struct(fields.into()), false);
    Arc::new(Field::new("map", DataType::Map(Arc::new(entries), false), true))
}

/// The values under each key of a row, in their order; `None` where an argument is NULL.
type Groups<'a> = Option<Vec<(&'a str, Vec<&'a str>)>>;

fn groups<'a>(call: &'a Call) -> Result<Vec<Groups<'a>>> {
    let (texts, entry_ends, key_ends) = (call.texts(0)?, call.texts(1)?, call.texts(2)?);
    let group = |row: usize| {
        let (Some(text), Some(entry_end), Some(key_end)) = (texts.get(row), entry_ends.get(row), key_ends.get(row))
        else {
            return Ok(None);
        };
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for entry in text.split(entry_end).filter(|entry| !entry.is_empty()) {
            let Some((key, value)) = entry.split_once(key_end) else {
                return exec_err!("{}: '{entry}' has no '{key_end}'", call.name);
            };
            match groups.iter_mut().find(|(known, _)| *known == key) {
                Some((_, values)) => values.push(value),
                None => groups.push((key, vec![value])),
            }
        }
        Ok(Some(groups))
    };
    (0..call.rows).map(group).collect()
}

fn split_to_map(call: &Call) -> Result<ArrayRef> {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for groups in groups(call)? {
        for (key, values) in groups.iter().flatten() {
            let [value] = values.as_slice() else {
                return exec_err!("split_to_map: the key '{key}' comes twice; split_to_multimap keeps all its values");
            };
            maps.keys().append_value(key);
            maps.values().append_value(value);
        }
        maps.append(groups.is_some())?;
    }
    Ok(cast(&maps.finish(), call.return_field.data_type())?)
}

fn split_to_multimap(call: &Call) -> Result<ArrayRef> {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), ListBuilder::new(StringBuilder::new()));
    for groups in groups(call)? {
        for (key, values) in groups.iter().flatten() {
            maps.keys().append_value(key);
            maps.values().append_value(values.iter().map(Some));
        }
        maps.append(groups.is_some())?;
    }
    Ok(cast(&maps.finish(), call.return_field.data_type())?)
}
