//! `normalize(text, form)`: one spelling for characters that Unicode spells in several ways.
//!
//! See "Unicode functions" in Trino's documentation (<https://trino.io/docs/current/functions/string.html>).

use std::borrow::Cow;

use arrow::array::ArrayRef;
use datafusion::common::{Result, exec_err};
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};

use crate::function::Call;

pub(super) fn normalize(call: &Call) -> Result<ArrayRef> {
    let (texts, forms) = (call.texts(0)?, call.optional_texts(1)?);
    call.build_texts(|row| {
        let form = forms.as_ref().map_or(Some("NFC"), |forms| forms.get(row));
        let (Some(text), Some(form)) = (texts.get(row), form) else { return Ok(None) };
        in_form(text, form).map(Some)
    })
}

fn in_form<'a>(text: &'a str, form: &str) -> Result<Cow<'a, str>> {
    Ok(match form {
        "NFC" => ComposingNormalizer::new_nfc().normalize(text),
        "NFKC" => ComposingNormalizer::new_nfkc().normalize(text),
        "NFD" => DecomposingNormalizer::new_nfd().normalize(text),
        "NFKD" => DecomposingNormalizer::new_nfkd().normalize(text),
        _ => return exec_err!("normalize takes NFC, NFD, NFKC or NFKD, not {form}"),
    })
}
