//! Bytes and their spellings as text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder};
use arrow::datatypes::DataType;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use data_encoding::BASE32;
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use datafusion::logical_expr::ScalarUDF;

use crate::function::{Call, Function, Kind, Returns, Texts};

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let text = || Returns::Type(DataType::Utf8);
    let bytes = || Returns::Type(DataType::Binary);
    const BYTES: &[Kind] = &[Kind::Bytes];
    const TEXT: &[Kind] = &[Kind::Text];
    [
        Function::new("to_utf8", TEXT, bytes(), |call| decoded(call, |text| Ok(text.as_bytes().to_vec()))),
        Function::new("from_utf8", BYTES, text(), |call| {
            encoded(call, |bytes| String::from_utf8_lossy(bytes).into_owned())
        }),
        Function::new("to_hex", &[Kind::Any], text(), to_hex),
        Function::new("from_hex", TEXT, bytes(), |call| decoded(call, from_hex)),
        Function::new("to_base32", BYTES, text(), |call| encoded(call, |bytes| BASE32.encode(bytes))),
        Function::new("from_base32", TEXT, bytes(), |call| decoded(call, from_base32)),
        Function::new("to_base64", BYTES, text(), |call| encoded(call, |bytes| STANDARD.encode(bytes))),
        Function::new("from_base64", TEXT, bytes(), |call| decoded(call, |text| from_base64(text, &STANDARD))),
        Function::new("to_base64url", BYTES, text(), |call| encoded(call, |bytes| URL_SAFE.encode(bytes))),
        Function::new("from_base64url", TEXT, bytes(), |call| decoded(call, |text| from_base64(text, &URL_SAFE))),
    ]
    .into_iter()
    .map(Function::udf)
    .collect()
}

fn encoded(call: &Call, spell: fn(&[u8]) -> String) -> Result<ArrayRef> {
    let array = call.array(0)?;
    let bytes = array.as_binary::<i32>();
    call.build_texts(|row| Ok(bytes.is_valid(row).then(|| spell(bytes.value(row)))))
}

fn decoded(call: &Call, read: fn(&str) -> Result<Vec<u8>>) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    let mut builder = BinaryBuilder::new();
    for row in 0..call.rows {
        builder.append_option(texts.get(row).map(read).transpose()?);
    }
    Ok(Arc::new(builder.finish()))
}

/// Bytes, text or a whole number, in upper case.
fn to_hex(call: &Call) -> Result<ArrayRef> {
    let array = call.array(0)?;
    if array.data_type().is_integer() {
        let numbers = call.ints(0)?;
        return call.build_texts(|row| Ok(numbers[row].map(|number| format!("{number:X}"))));
    }
    if let Some(texts) = Texts::try_new(&array) {
        return call.build_texts(|row| Ok(texts.get(row).map(|text| hex(text.as_bytes()))));
    }
    let bytes = arrow::compute::cast(&array, &DataType::Binary)?;
    let bytes = bytes.as_binary::<i32>();
    call.build_texts(|row| Ok(bytes.is_valid(row).then(|| hex(bytes.value(row)))))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn from_hex(text: &str) -> Result<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    match digits {
        Some(digits) if digits.len().is_multiple_of(2) => {
            Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
        }
        _ => exec_err!("from_hex: '{text}' is no hexadecimal text of whole bytes"),
    }
}

fn from_base64(text: &str, engine: &impl Engine) -> Result<Vec<u8>> {
    engine.decode(text).map_err(|error| exec_datafusion_err!("'{text}' is no Base64: {error}"))
}

fn from_base32(text: &str) -> Result<Vec<u8>> {
    BASE32.decode(text.as_bytes()).map_err(|error| exec_datafusion_err!("'{text}' is no Base32: {error}"))
}
