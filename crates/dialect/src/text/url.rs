//! Parts of URLs, and their encoding.

use std::borrow::Cow;
use std::sync::Arc;

use ::url::Url;
use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use crate::function::{Call, Function, Kind, Returns};

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let text = || Returns::Type(DataType::Utf8);
    const URL: &[Kind] = &[Kind::Text];
    [
        Function::new("url_extract_protocol", URL, text(), |call| part(call, |url| Some(url.scheme().to_owned()))),
        Function::new("url_extract_host", URL, text(), |call| part(call, |url| url.host_str().map(str::to_owned))),
        Function::new("url_extract_path", URL, text(), path),
        Function::new("url_extract_query", URL, text(), |call| {
            part(call, |url| Some(plain(url.query().unwrap_or_default())))
        }),
        Function::new("url_extract_fragment", URL, text(), |call| {
            part(call, |url| Some(plain(url.fragment().unwrap_or_default())))
        }),
        Function::new("url_extract_port", URL, Returns::Type(DataType::Int64), port),
        Function::new("url_extract_parameter", &[Kind::Text, Kind::Text], text(), parameter),
        Function::new("url_encode", URL, text(), encode),
        Function::new("url_decode", URL, text(), decode),
    ]
    .into_iter()
    .map(Function::udf)
    .collect()
}

fn part(call: &Call, part: fn(&Url) -> Option<String>) -> Result<ArrayRef> {
    let urls = call.texts(0)?;
    call.build_texts(|row| Ok(urls.get(row).and_then(|url| Url::parse(url).ok()).as_ref().and_then(part)))
}

/// The parser gives `/` to a URL that has no path.
fn path(call: &Call) -> Result<ArrayRef> {
    let urls = call.texts(0)?;
    call.build_texts(|row| {
        let Some((text, url)) = urls.get(row).and_then(|text| Some((text, Url::parse(text).ok()?))) else {
            return Ok(None);
        };
        let has_path = url.path() != "/" || text.split(['?', '#']).any(|part| part.ends_with('/'));
        Ok(Some(if has_path { plain(url.path()) } else { String::new() }))
    })
}

/// Without percent signs, as Java's `URI` gives its parts.
fn plain(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

fn port(call: &Call) -> Result<ArrayRef> {
    let urls = call.texts(0)?;
    let port = |row| urls.get(row).and_then(|url| Url::parse(url).ok()?.port()).map(i64::from);
    Ok(Arc::new((0..call.rows).map(port).collect::<Int64Array>()))
}

fn parameter(call: &Call) -> Result<ArrayRef> {
    let (urls, names) = (call.texts(0)?, call.texts(1)?);
    call.build_texts(|row| {
        let (Some(url), Some(name)) = (urls.get(row).and_then(|url| Url::parse(url).ok()), names.get(row)) else {
            return Ok(None);
        };
        let value = url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        Ok(value)
    })
}

fn encode(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.build_texts(|row| {
        Ok(texts.get(row).map(|text| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()))
    })
}

fn decode(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.build_texts(|row| Ok(texts.get(row).map(decoded)))
}

/// A whole text as one key of a query string; what would end the key is encoded first.
fn decoded(text: &str) -> String {
    let text = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(text.as_bytes()).next().map_or_else(String::new, |(key, _)| Cow::into_owned(key))
}
