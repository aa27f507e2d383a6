//! JSON text by member and element: `requestparameters.bucketName`, `requestparameters['bucketName']`.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::member_text;
use super::path::{Path, Step};
use crate::function::{Call, Function, Kind, Returns};

static MEMBER: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Function::new("json_member", &[Kind::Text, Kind::Text], Returns::Type(DataType::Utf8), member).udf()
});

static ENTRY: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Function::new("json_entry", &[Kind::Text, Kind::Text], Returns::Type(DataType::Utf8), entry).udf()
});

static ELEMENT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Function::new("json_element", &[Kind::Text, Kind::Int], Returns::Type(DataType::Utf8), element).udf()
});

/// `json_member(json, name)`: a member by its name in any case, as SQL has names; nested values are JSON text.
pub(crate) fn json_member() -> Arc<ScalarUDF> {
    Arc::clone(&MEMBER)
}

/// `json_entry(json, key)`: a member by exactly its name, as a map has keys; nested values are JSON text.
pub(crate) fn json_entry() -> Arc<ScalarUDF> {
    Arc::clone(&ENTRY)
}

/// `json_element(json, n)`: an element of an array, from 1, as SQL has arrays.
pub(crate) fn json_element() -> Arc<ScalarUDF> {
    Arc::clone(&ELEMENT)
}

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![json_member(), json_entry(), json_element()]
}

fn member(call: &Call) -> Result<ArrayRef> {
    first_found(call, |name| vec![Step::Member(name.to_owned()), Step::MemberAnyCase(name.to_owned())])
}

fn entry(call: &Call) -> Result<ArrayRef> {
    first_found(call, |name| vec![Step::Member(name.to_owned())])
}

/// What the first of the steps that a name stands for finds.
fn first_found(call: &Call, steps: fn(&str) -> Vec<Step>) -> Result<ArrayRef> {
    let (json, names) = (call.texts(0)?, call.texts(1)?);
    let paths = |name: &str| steps(name).into_iter().map(|step| Path::new(vec![step])).collect::<Vec<_>>();
    if call.constant(1).is_some() {
        let paths = names.get(0).map(paths).unwrap_or_default();
        return call.map_texts(json, |json| Ok(text(paths.iter().find_map(|path| path.find(json)))));
    }
    call.build_texts(|row| {
        let (Some(json), Some(name)) = (json.get(row), names.get(row)) else { return Ok(None) };
        Ok(text(paths(name).iter().find_map(|path| path.find(json))).map(Cow::into_owned))
    })
}

fn element(call: &Call) -> Result<ArrayRef> {
    let (json, indexes) = (call.texts(0)?, call.ints(1)?);
    call.build_texts(|row| {
        let index = indexes[row].and_then(|index| usize::try_from(index.checked_sub(1)?).ok());
        let (Some(json), Some(index)) = (json.get(row), index) else { return Ok(None) };
        Ok(text(Path::new(vec![Step::Element(index)]).find(json)))
    })
}

fn text(value: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    match value? {
        Cow::Borrowed(value) => member_text(value),
        Cow::Owned(value) => member_text(&value).map(|text| Cow::Owned(text.into_owned())),
    }
}
