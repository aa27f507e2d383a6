//! Data store names in `FROM` that are no SQL: `$EDS_ID`, `<EDS ID>`, `{{store}}`, an unquoted UUID.
//!
//! CloudTrail Lake's queries name an event data store by its ID. The parser refuses these, so they get quotes here,
//! where only tokens are known.

use std::borrow::Cow;

/// Functions with a `FROM` between their arguments.
const TAKE_FROM: [&str; 5] = ["EXTRACT", "SUBSTRING", "TRIM", "OVERLAY", "POSITION"];

/// Quotes such names behind `FROM`, `JOIN` and `INTO`, and spells DuckDB's `<<=` in a way that the parser knows.
pub(super) fn readable(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut expects_table = false;
    // Parentheses so far, by whether a function's arguments are in them, whose FROM names no table.
    let mut open: Vec<bool> = Vec::new();
    let mut last_word = "";
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let length = skip_length(rest);
        if length > 0 {
            expects_table &= !rest.starts_with(['\'', '"', '`']);
            at += length;
            continue;
        }
        if expects_table && let Some(name) = store_name(rest) {
            out.push_str(&text[copied..at]);
            out.push('"');
            out.push_str(&name.replace('"', ""));
            out.push('"');
            at += name.len();
            copied = at;
        } else if rest.starts_with("<<=") {
            out.push_str(&text[copied..at]);
            out.push_str(" <@");
            at += 3;
            copied = at;
        } else {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = word.max(rest.chars().next().map_or(1, char::len_utf8));
            match &rest[..length] {
                "(" => open.push(TAKE_FROM.iter().any(|function| last_word.eq_ignore_ascii_case(function))),
                ")" => drop(open.pop()),
                _ => {}
            }
            // `x IS DISTINCT FROM 1` names no table.
            let compares = last_word.eq_ignore_ascii_case("DISTINCT");
            last_word = &rest[..word];
            let is_keyword = |keyword: &str| last_word.eq_ignore_ascii_case(keyword);
            let takes_from = compares || open.last() == Some(&true);
            expects_table = (is_keyword("FROM") || is_keyword("JOIN")) && !takes_from;
            at += length;
            continue;
        }
        expects_table = false;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Length of the blanks, comment or quoted text at the start.
fn skip_length(text: &str) -> usize {
    let blanks = text.len() - text.trim_start().len();
    if blanks > 0 {
        return blanks;
    }
    let to = |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    match text.as_bytes()[0] {
        b'-' if text.starts_with("--") => to("\n", 2),
        b'/' if text.starts_with("/*") => to("*/", 2),
        b'\'' => to("'", 1),
        b'"' => to("\"", 1),
        b'`' => to("`", 1),
        _ => 0,
    }
}

/// Takes a name that the parser would refuse.
fn store_name(text: &str) -> Option<&str> {
    let delimited = |end: &str| text.find(end).map(|at| &text[..at + end.len()]).filter(|name| !name.contains('\n'));
    if text.starts_with("{{") {
        return delimited("}}");
    }
    if text.starts_with('<') {
        return delimited(">");
    }
    if text.starts_with("${") {
        return delimited("}");
    }
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '*' | '$');
    let name = &text[..text.find(|c| !is_part(c)).unwrap_or(text.len())];
    // What follows `--` is a comment.
    let name = &name[..name.find("--").unwrap_or(name.len())];
    let starts_wrong = name.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '$' | '*'));
    let is_call = text[name.len()..].starts_with('(');
    ((starts_wrong || name.contains('-')) && !is_call && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_is_no_name() {
        let cases = [
            ("SELECT 1 FROM $EDS_ID WHERE x", "SELECT 1 FROM \"$EDS_ID\" WHERE x"),
            ("SELECT 1 FROM <EDS ID>\nWHERE x < 1", "SELECT 1 FROM \"<EDS ID>\"\nWHERE x < 1"),
            ("select 1 from {{replace with id}} t", "select 1 from \"{{replace with id}}\" t"),
            (
                "SELECT 1 FROM 0a1b2c3d-1111-2222-3333-444455556666 JOIN eds-id ON a=b",
                "SELECT 1 FROM \"0a1b2c3d-1111-2222-3333-444455556666\" JOIN \"eds-id\" ON a=b",
            ),
            ("SELECT 1 FROM *****", "SELECT 1 FROM \"*****\""),
            ("SELECT x::inet <<= '10.0.0.0/8'::inet", "SELECT x::inet  <@ '10.0.0.0/8'::inet"),
        ];
        for (given, wanted) in cases {
            assert_eq!(readable(given), wanted);
        }
    }

    #[test]
    fn leaves_everything_else() {
        for text in [
            "SELECT a-b FROM t-- note",
            "SELECT 'from x-y' FROM (SELECT 1) WHERE a - b < 3",
            "SELECT extract(day FROM a-b), substring('x' FROM 2 FOR 2) FROM db.t, u",
            "SELECT * FROM \"a-b\" -- from x-y",
        ] {
            assert_eq!(readable(text), text);
        }
    }
}
