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

static ELEMENT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Function::new("json_element", &[Kind::Text, Kind::Int], Returns::Type(DataType::Utf8), element).udf()
});

/// `json_member(json, name)`: a member by its name in any case, as SQL has names; nested values are JSON text.
pub(crate) fn json_member() -> Arc<ScalarUDF> {
    Arc::clone(&MEMBER)
}

/// `json_element(json, n)`: an element of an array, from 1, as SQL has arrays.
pub(crate) fn json_element() -> Arc<ScalarUDF> {
    Arc::clone(&ELEMENT)
}

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    vec![json_member(), json_element()]
}

fn member(call: &Call) -> Result<ArrayRef> {
    let (json, names) = (call.texts(0)?, call.texts(1)?);
    let exact_then_any_case = |name: &str| {
        [Step::Member(name.to_owned()), Step::MemberAnyCase(name.to_owned())].map(|step| Path::new(vec![step]))
    };
    let find = |[exact, any_case]: &[Path; 2], json| text(exact.find(json).or_else(|| any_case.find(json)));
    if call.constant(1).is_some() {
        let paths = names.get(0).map(exact_then_any_case);
        return call.map_texts(json, |json| Ok(paths.as_ref().and_then(|paths| find(paths, json))));
    }
    call.build_texts(|row| {
        let (Some(json), Some(name)) = (json.get(row), names.get(row)) else { return Ok(None) };
        Ok(find(&exact_then_any_case(name), json))
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
