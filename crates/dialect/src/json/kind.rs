//! `json_valid` and `json_type` of DuckDB: whether text is JSON, and of which type.
//!
//! See <https://duckdb.org/docs/stable/data/json/json_functions>.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use serde_json::value::RawValue;

use crate::function::{Call, Function, Kind, Returns};

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    [
        Function::new("json_valid", &[Kind::Text], Returns::Type(DataType::Boolean), valid),
        Function::new("json_type", &[Kind::Text], Returns::Type(DataType::Utf8), type_name),
    ]
    .into_iter()
    .map(Function::udf)
    .collect()
}

fn is_valid(json: &str) -> bool {
    serde_json::from_str::<&RawValue>(json).is_ok()
}

fn valid(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    Ok(Arc::new((0..call.rows).map(|row| texts.get(row).map(is_valid)).collect::<BooleanArray>()))
}

fn type_name(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.map_texts(texts, |json| Ok(is_valid(json).then(|| name_of(json.trim_start()))))
}

/// The name of a value's type, by how it begins.
fn name_of(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "OBJECT",
        Some(b'[') => "ARRAY",
        Some(b'"') => "VARCHAR",
        Some(b't' | b'f') => "BOOLEAN",
        Some(b'n') => "NULL",
        _ if json.contains(['.', 'e', 'E']) => "DOUBLE",
        Some(b'-') => "BIGINT",
        _ => "UBIGINT",
    }
}
