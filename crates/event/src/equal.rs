//! Equality of JSON values, numbers compared as they are written.

use crate::scan::{Scanner, Stop, Value, minify, unescape};

/// Values nested deeper than this are compared byte by byte, so that recursion stays bounded.
const MAX_DEPTH: usize = 256;

/// Whether two JSON texts are the same value.
///
/// Members may come in any order; of members with the same name the last one counts. Strings are compared by what
/// they stand for, numbers as they are written: `1.0` is not `1`. Texts that are no JSON are never the same.
pub fn same_json(a: &str, b: &str) -> bool {
    let parse = |text: &str| -> Option<()> {
        let mut scanner = Scanner::new(text.as_bytes());
        scanner.value().ok()?;
        matches!(scanner.peek(), Err(Stop::End)).then_some(())
    };
    parse(a).is_some() && parse(b).is_some() && same(a.as_bytes(), b.as_bytes(), 0).unwrap_or(false)
}

fn same(a: &[u8], b: &[u8], depth: usize) -> Result<bool, Stop> {
    let (a, b) = (Scanner::new(a).value()?, Scanner::new(b).value()?);
    match (a, b) {
        (Value::Text { raw: a, .. }, Value::Text { raw: b, .. }) => Ok(a == b || same_text(a, b)),
        (Value::Nested { raw: a, .. }, Value::Nested { raw: b, .. }) if a[0] == b[0] => {
            if depth == MAX_DEPTH {
                return Ok(minified(a) == minified(b));
            }
            if a[0] == b'{' { same_objects(a, b, depth) } else { same_arrays(a, b, depth) }
        }
        (a, b) => Ok(a == b),
    }
}

fn same_text(a: &[u8], b: &[u8]) -> bool {
    let (mut plain_a, mut plain_b) = (Vec::new(), Vec::new());
    // Halves of surrogate pairs have no character to compare by.
    unescape(a, &mut plain_a) && unescape(b, &mut plain_b) && plain_a == plain_b
}

fn same_arrays(a: &[u8], b: &[u8], depth: usize) -> Result<bool, Stop> {
    let (a, b) = (elements(a)?, elements(b)?);
    if a.len() != b.len() {
        return Ok(false);
    }
    for (a, b) in a.iter().zip(b) {
        if !same(a, b, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn same_objects(a: &[u8], b: &[u8], depth: usize) -> Result<bool, Stop> {
    let (a, b) = (members(a)?, members(b)?);
    if a.len() != b.len() {
        return Ok(false);
    }
    for ((name_a, a), (name_b, b)) in a.iter().zip(&b) {
        if name_a != name_b || !same(a, b, depth + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn elements(json: &[u8]) -> Result<Vec<&[u8]>, Stop> {
    let mut scanner = Scanner::new(json);
    let mut found = Vec::new();
    let mut more = scanner.open(b']')?;
    while more {
        scanner.peek()?;
        let start = scanner.at;
        scanner.value()?;
        found.push(&json[start..scanner.at]);
        more = scanner.more(b']')?;
    }
    Ok(found)
}

/// Members by name, the last of each name.
fn members(json: &[u8]) -> Result<std::collections::BTreeMap<Vec<u8>, &[u8]>, Stop> {
    let mut scanner = Scanner::new(json);
    let mut found = std::collections::BTreeMap::new();
    let mut more = scanner.open(b'}')?;
    while more {
        let (raw, _) = scanner.key()?;
        let mut name = Vec::with_capacity(raw.len());
        if !unescape(raw, &mut name) {
            // Not a name that text can hold: the escapes themselves tell such names apart.
            name = raw.to_ascii_lowercase();
        }
        scanner.peek()?;
        let start = scanner.at;
        scanner.value()?;
        found.insert(name, &json[start..scanner.at]);
        more = scanner.more(b'}')?;
    }
    Ok(found)
}

fn minified(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    minify(json, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::same_json;

    #[test]
    fn order_space_and_escapes_do_not_matter() {
        assert!(same_json(r#"{"a":1,"b":[true,null,"é"]}"#, r#"{ "b" : [true, null, "\u00e9"], "a" : 1 }"#));
        assert!(same_json(r#"{"a":1,"a":2}"#, r#"{"a":2}"#));
    }

    #[test]
    fn numbers_and_types_do() {
        for (a, b) in [
            ("0", "0.0"),
            ("1e1", "10"),
            ("null", "{}"),
            ("[]", "{}"),
            (r#""1""#, "1"),
            ("[1,2]", "[2,1]"),
            ("{}", r#"{"a":null}"#),
        ] {
            assert!(!same_json(a, b), "{a} {b}");
        }
        assert!(!same_json("{", "{"));
    }
}
