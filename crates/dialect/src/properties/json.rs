//! `json_extract_scalar` and its kin beside `serde_json`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;
use proptest::prelude::*;
use serde_json::Value;

use super::run;

/// One step of a path.
#[derive(Debug, Clone)]
enum Step {
    Member(String),
    Element(usize),
}

fn documents() -> impl Strategy<Value = Vec<Value>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z\"\\\\/ é\n]{0,6}".prop_map(Value::from),
    ];
    let document = leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[ab]|[a-z .\"]{0,3}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    // Some documents come several times, as values of a column do.
    prop::collection::vec(document, 1..8).prop_map(|documents| [documents.clone(), documents].concat())
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => "[ab]".prop_map(Step::Member),
        1 => "[a-z .]{1,3}".prop_map(Step::Member),
        2 => (0_usize..3).prop_map(Step::Element),
    ];
    prop::collection::vec(step, 0..4)
}

fn spelled(steps: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Member(name) if name.chars().all(char::is_alphanumeric) => format!(".{name}"),
        Step::Member(name) => format!("[\"{name}\"]"),
        Step::Element(index) => format!("[{index}]"),
    };
    format!("${}", steps.iter().map(step).collect::<String>())
}

fn at<'a>(document: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(document, |value, step| match step {
        Step::Member(name) => value.as_object()?.get(name),
        Step::Element(index) => value.as_array()?.get(*index),
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// A value as Lake's maps hold it: scalars as text, the others as JSON.
fn member_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        value => Some(scalar(value).unwrap_or_else(|| value.to_string())),
    }
}

fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    let array = cast(array, &DataType::Utf8).expect("text");
    array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn ints(array: &ArrayRef) -> Vec<Option<i64>> {
    array.as_primitive::<Int64Type>().iter().collect()
}

/// A column of the documents, as text and as views of text, with blanks and without.
fn columns(documents: &[Value]) -> Vec<ColumnarValue> {
    let plain: ArrayRef = Arc::new(StringArray::from_iter_values(documents.iter().map(Value::to_string)));
    let pretty = documents.iter().map(|document| serde_json::to_string_pretty(document).expect("JSON"));
    let pretty: ArrayRef = Arc::new(StringArray::from_iter_values(pretty));
    let views = cast(&plain, &DataType::Utf8View).expect("views");
    [plain, pretty, views].map(ColumnarValue::Array).into()
}

fn constant(value: impl Into<ScalarValue>) -> ColumnarValue {
    ColumnarValue::Scalar(value.into())
}

proptest! {
    #[test]
    fn paths_find_what_serde_finds(documents in documents(), steps in steps()) {
        let (path, rows) = (spelled(&steps), documents.len());
        let found: Vec<Option<&Value>> = documents.iter().map(|document| at(document, &steps)).collect();
        let sizes = found.iter().map(|value| {
            value.map(|value| match value {
                Value::Object(members) => members.len() as i64,
                Value::Array(elements) => elements.len() as i64,
                _ => 0,
            })
        });
        let sizes: Vec<_> = sizes.collect();
        let scalars: Vec<_> = found.iter().map(|value| value.and_then(scalar)).collect();
        for column in columns(&documents) {
            let call = |name| run(name, vec![column.clone(), constant(path.as_str())], rows);
            prop_assert_eq!(&texts(&call("json_extract_scalar")), &scalars, "{}", path);
            prop_assert_eq!(&ints(&call("json_size")), &sizes, "{}", path);
            let extracted = texts(&call("json_extract")).into_iter().map(|text| text.map(|text| serde_json::from_str::<Value>(&text).expect("JSON")));
            prop_assert_eq!(extracted.collect::<Vec<_>>(), found.iter().map(|value| value.cloned()).collect::<Vec<_>>(), "{}", path);
        }
    }

    #[test]
    fn arrays_and_members_are_serdes(documents in documents(), index in -3_i64..3, name in "[ab]") {
        let rows = documents.len();
        let element = |document: &Value| {
            let elements = document.as_array()?;
            let at = if index < 0 { index + elements.len() as i64 } else { index };
            member_text(elements.get(usize::try_from(at).ok()?)?)
        };
        let lengths: Vec<_> = documents.iter().map(|document| document.as_array().map(|all| all.len() as i64)).collect();
        let elements: Vec<_> = documents.iter().map(element).collect();
        let members: Vec<_> = documents.iter().map(|document| document.get(&name).and_then(member_text)).collect();
        let are_scalar: Vec<_> = documents.iter().map(|document| Some(!document.is_array() && !document.is_object())).collect();
        for column in columns(&documents) {
            prop_assert_eq!(&ints(&run("json_array_length", vec![column.clone()], rows)), &lengths);
            prop_assert_eq!(&texts(&run("json_array_get", vec![column.clone(), constant(index)], rows)), &elements);
            prop_assert_eq!(&texts(&run("json_member", vec![column.clone(), constant(name.as_str())], rows)), &members);
            let verdicts = run("is_json_scalar", vec![column], rows);
            prop_assert_eq!(&verdicts.as_boolean().iter().collect::<Vec<_>>(), &are_scalar);
        }
    }

    /// Text that is no JSON is NULL or an error, and nothing worse.
    #[test]
    fn no_text_makes_them_panic(text in "[\\[\\]{}:,\"a-c0-9\\\\ ]{0,20}", steps in steps()) {
        let column = || ColumnarValue::Array(Arc::new(StringArray::from(vec![text.as_str()])));
        for name in ["json_extract_scalar", "json_extract", "json_size"] {
            prop_assert_eq!(run(name, vec![column(), constant(spelled(&steps))], 1).len(), 1);
        }
        for name in ["json_array_length", "json_keys", "is_json_scalar"] {
            prop_assert_eq!(run(name, vec![column()], 1).len(), 1);
        }
    }
}
