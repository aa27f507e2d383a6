//! DuckDB's `count(*) FILTER (x > 1)`, where the parser wants a `WHERE`.

use std::borrow::Cow;

use super::values_rows::token_length;

/// Puts the `WHERE` that is left out.
pub(super) fn with_where(text: &str) -> Cow<'_, str> {
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    let mut previous = "";
    while at < text.len() {
        let token = &text[at..at + token_length(&text[at..])];
        at += token.len();
        // Behind anything else it is the function of that name.
        if previous == ")"
            && token.eq_ignore_ascii_case("FILTER")
            && let Some(condition) = bare_condition(text, at)
        {
            out.push_str(&text[copied..condition]);
            out.push_str("WHERE ");
            copied = condition;
        }
        if !token.trim().is_empty() && !token.starts_with("--") {
            previous = token;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Where the condition begins, if it has no `WHERE`.
fn bare_condition(text: &str, at: usize) -> Option<usize> {
    let inner = text[at..].trim_start().strip_prefix('(')?.trim_start();
    let is_bare = !inner[..token_length(inner)].eq_ignore_ascii_case("WHERE");
    is_bare.then(|| text.len() - inner.len())
}
