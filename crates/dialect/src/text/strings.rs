//! Searching and cutting text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, ListBuilder, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, exec_err};
use datafusion::functions_nested::concat::array_concat_udf;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF};

use super::normal_form::normalize;
use super::soundex::soundex;
use crate::function::{Call, Function, Kind, Returns, Texts, text_list};

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    const TEXT: Kind = Kind::Text;
    const INT: Kind = Kind::Int;
    let text = || Returns::Type(DataType::Utf8);
    let int = || Returns::Type(DataType::Int64);
    [
        Function::new("concat", &[Kind::Any], Returns::From(type_of_concat), concat).variadic(),
        Function::new("split", &[TEXT, TEXT, INT], Returns::Type(text_list()), split).optional_after(2).aliases(&[
            "string_split",
            "str_split",
            "string_to_array",
        ]),
        Function::new("split_part", &[TEXT, TEXT, INT], text(), split_part),
        Function::new("strpos", &[TEXT, TEXT, INT], int(), strpos).optional_after(2),
        Function::new("substr", &[TEXT, INT, INT], text(), substr).optional_after(2).aliases(&["substring"]),
        Function::new("replace", &[TEXT, TEXT, TEXT], text(), replace).optional_after(2),
        Function::new("codepoint", &[TEXT], int(), codepoint),
        Function::new("hamming_distance", &[TEXT, TEXT], int(), hamming_distance),
        Function::new("levenshtein_distance", &[TEXT, TEXT], int(), levenshtein_distance),
        Function::new("normalize", &[TEXT, TEXT], text(), normalize).optional_after(1),
        Function::new("soundex", &[TEXT], text(), soundex),
    ]
    .into_iter()
    .map(Function::udf)
    .collect()
}

fn type_of_concat(args: &ReturnFieldArgs<'_>) -> Result<FieldRef> {
    let list = args.arg_fields.iter().find(|field| matches!(field.data_type(), DataType::List(_)));
    let data_type = list.map_or(DataType::Utf8, |field| field.data_type().clone());
    Ok(Arc::new(Field::new("concat", data_type, true)))
}

/// Text or arrays; NULL if one argument is.
fn concat(call: &Call) -> Result<ArrayRef> {
    let arrays: Vec<ArrayRef> = (0..call.len()).map(|index| call.array(index)).collect::<Result<_>>()?;
    if matches!(call.return_field.data_type(), DataType::List(_)) {
        return concat_lists(call, arrays);
    }
    let as_text = |array: &ArrayRef| {
        if array.data_type().is_string() { Ok(Arc::clone(array)) } else { cast(array, &DataType::Utf8) }
    };
    let arrays: Vec<ArrayRef> = arrays.iter().map(as_text).collect::<Result<_, _>>()?;
    let texts: Vec<Texts<'_>> = arrays.iter().filter_map(|array| Texts::try_new(array)).collect();
    call.build_texts(|row| Ok(texts.iter().map(|texts| texts.get(row)).collect::<Option<String>>()))
}

fn concat_lists(call: &Call, arrays: Vec<ArrayRef>) -> Result<ArrayRef> {
    let udf = array_concat_udf();
    let fields = arrays.iter().map(|array| Arc::new(Field::new("", array.data_type().clone(), true))).collect();
    let answer = udf.invoke_with_args(ScalarFunctionArgs {
        args: arrays.into_iter().map(ColumnarValue::Array).collect(),
        arg_fields: fields,
        number_rows: call.rows,
        return_field: Arc::clone(&call.return_field),
        config_options: Arc::new(ConfigOptions::default()),
    })?;
    answer.into_array(call.rows)
}

fn split(call: &Call) -> Result<ArrayRef> {
    let (texts, delimiters) = (call.texts(0)?, call.texts(1)?);
    let limits = call.ints_or(2, i64::MAX)?;
    let mut lists = ListBuilder::new(StringBuilder::new());
    for (row, limit) in limits.into_iter().enumerate() {
        let (Some(text), Some(delimiter), Some(limit)) = (texts.get(row), delimiters.get(row), limit) else {
            lists.append_null();
            continue;
        };
        if delimiter.is_empty() {
            return exec_err!("split: the delimiter is empty");
        }
        if limit <= 0 {
            return exec_err!("split: the limit has to be positive, not {limit}");
        }
        let parts = text.splitn(usize::try_from(limit).unwrap_or(usize::MAX), delimiter);
        parts.for_each(|part| lists.values().append_value(part));
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

fn split_part(call: &Call) -> Result<ArrayRef> {
    let (texts, delimiters, indexes) = (call.texts(0)?, call.texts(1)?, call.ints(2)?);
    call.build_texts(|row| {
        let (Some(text), Some(delimiter), Some(index)) = (texts.get(row), delimiters.get(row), indexes[row]) else {
            return Ok(None);
        };
        if index == 0 {
            return exec_err!("split_part: the index counts from 1, not from 0");
        }
        let place = usize::try_from(index.unsigned_abs() - 1).unwrap_or(usize::MAX);
        Ok(match (delimiter.is_empty(), index < 0) {
            // Every character is a part.
            (true, _) => text.char_indices().nth(place).map(|(at, c)| &text[at..at + c.len_utf8()]),
            (false, false) => text.split(delimiter).nth(place),
            // From the end, as in DuckDB; in Trino it is an error.
            (false, true) => text.rsplit(delimiter).nth(place),
        })
    })
}

/// Position in characters, from 1; 0 where it is not found.
fn strpos(call: &Call) -> Result<ArrayRef> {
    let (texts, wanted) = (call.texts(0)?, call.texts(1)?);
    let instances = call.ints_or(2, 1)?;
    let position = |row| {
        let (text, wanted, instance) = (texts.get(row)?, wanted.get(row)?, instances[row]?);
        if wanted.is_empty() {
            return Some(1);
        }
        let nth = usize::try_from(instance.unsigned_abs()).ok()?.checked_sub(1)?;
        // Instances may overlap.
        let starts = |at: &usize| text[*at..].starts_with(wanted);
        let places = text.char_indices().map(|(at, _)| at);
        let at = if instance < 0 { places.rev().filter(starts).nth(nth) } else { places.filter(starts).nth(nth) };
        Some(at.map_or(0, |at| text[..at].chars().count() as i64 + 1))
    };
    Ok(Arc::new((0..call.rows).map(position).collect::<Int64Array>()))
}

/// Counts from 1, or from the end where the start is negative; outside the text there is nothing.
fn substr(call: &Call) -> Result<ArrayRef> {
    let (texts, starts, lengths) = (call.texts(0)?, call.ints(1)?, call.ints_or(2, i64::MAX)?);
    call.build_texts(|row| {
        let (Some(text), Some(start), Some(length)) = (texts.get(row), starts[row], lengths[row]) else {
            return Ok(None);
        };
        Ok(Some(cut(text, start, length)))
    })
}

fn cut(text: &str, start: i64, length: i64) -> &str {
    let first = if start < 0 { text.chars().count() as i64 + start } else { start - 1 };
    let (Ok(first), Ok(length)) = (usize::try_from(first), usize::try_from(length)) else { return "" };
    if text.is_ascii() {
        let end = first.saturating_add(length).min(text.len());
        return text.get(first..end).unwrap_or_default();
    }
    let mut places = text.char_indices().map(|(at, _)| at).chain([text.len()]).skip(first);
    let Some(begin) = places.next() else { return "" };
    let end = if length == 0 { Some(begin) } else { places.nth(length - 1) };
    &text[begin..end.unwrap_or(text.len())]
}

fn replace(call: &Call) -> Result<ArrayRef> {
    let (texts, wanted, replacements) = (call.texts(0)?, call.texts(1)?, call.optional_texts(2)?);
    call.build_texts(|row| {
        let replacement = match &replacements {
            Some(replacements) => replacements.get(row),
            None => Some(""),
        };
        let (Some(text), Some(wanted), Some(replacement)) = (texts.get(row), wanted.get(row), replacement) else {
            return Ok(None);
        };
        Ok(Some(text.replace(wanted, replacement)))
    })
}

fn codepoint(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let codepoint = |row| texts.get(row).and_then(|text| text.chars().next()).map(|c| i64::from(u32::from(c)));
    Ok(Arc::new((0..call.rows).map(codepoint).collect::<Int64Array>()))
}

fn hamming_distance(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    let mut distances = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        distances.push(match (left.get(row), right.get(row)) {
            (Some(a), Some(b)) if a.chars().count() != b.chars().count() => {
                return exec_err!("hamming_distance: '{a}' and '{b}' are not of one length");
            }
            (Some(a), Some(b)) => Some(a.chars().zip(b.chars()).filter(|(a, b)| a != b).count() as i64),
            _ => None,
        });
    }
    Ok(Arc::new(Int64Array::from(distances)))
}

fn levenshtein_distance(call: &Call) -> Result<ArrayRef> {
    let (left, right) = (call.texts(0)?, call.texts(1)?);
    let distance = |row| {
        let (left, right) = (left.get(row)?, right.get(row)?);
        Some(datafusion::common::utils::datafusion_strsim::levenshtein(left, right) as i64)
    };
    Ok(Arc::new((0..call.rows).map(distance).collect::<Int64Array>()))
}
