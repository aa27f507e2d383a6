//! JSON: text in `requestparameters` and its kin, read by path, by member, and as typed values.
//!
//! A JSON value is text whose field says so in its metadata ([`json_field`]); that is how a cast of JSON is told from a
//! cast of text.

mod access;
mod cast;
mod extract;
mod from_value;
mod kind;
mod path;
mod prefilter;
mod scan;
mod structure;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::logical_expr::ScalarUDF;

pub(crate) use access::{json_element, json_entry, json_member};
pub(crate) use cast::{json_cast, json_try_cast};
pub(crate) use from_value::to_json;
pub(crate) use scan::{Cursor, member_text, unescape};

/// Arrow's key for the name of an extension type.
const EXTENSION_NAME: &str = "ARROW:extension:name";

/// Arrow's canonical extension type of JSON text.
const JSON_EXTENSION: &str = "arrow.json";

/// A nullable field of JSON.
pub(crate) fn json_field(name: &str) -> FieldRef {
    let metadata = [(EXTENSION_NAME.to_owned(), JSON_EXTENSION.to_owned())].into();
    Arc::new(Field::new(name, DataType::Utf8, true).with_metadata(metadata))
}

/// Says whether a field holds JSON and not just any text.
pub(crate) fn is_json(field: &Field) -> bool {
    field.metadata().get(EXTENSION_NAME).is_some_and(|name| name == JSON_EXTENSION)
}

/// The functions on JSON.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    let mut functions = extract::functions();
    functions.extend(access::functions());
    functions.push(structure::function());
    functions.extend(from_value::functions());
    functions.extend(kind::functions());
    functions
}
