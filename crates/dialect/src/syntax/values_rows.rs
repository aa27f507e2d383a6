//! `VALUES 1, 2`: rows of one column without parentheses, which the parser wants, and `VALUES ROW(1, 2)`.

use std::borrow::Cow;

/// Words that end a list of rows.
const ENDS: [&str; 7] = ["ORDER", "LIMIT", "OFFSET", "FETCH", "UNION", "EXCEPT", "INTERSECT"];

/// Puts parentheses around bare rows.
pub(super) fn parenthesized(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        let length = token_length(&text[at..]);
        let is_values = text[at..at + length].eq_ignore_ascii_case("VALUES");
        at += length;
        if is_values && text[at..].starts_with(|c: char| c.is_whitespace()) {
            at = rows(text, at, &mut out, &mut copied);
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// Settles the rows from `at` on, and returns where they end.
fn rows(text: &str, mut at: usize, out: &mut String, copied: &mut usize) -> usize {
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let start = at;
        let mut depth = 0_usize;
        let mut end = start;
        while at < text.len() {
            let length = token_length(&text[at..]);
            let token = &text[at..at + length];
            match token {
                "(" => depth += 1,
                ")" if depth == 0 => break,
                ")" => depth -= 1,
                "," | ";" if depth == 0 => break,
                word if depth == 0 && ENDS.iter().any(|end| word.eq_ignore_ascii_case(end)) => break,
                _ => {}
            }
            at += length;
            if !token.trim().is_empty() {
                end = at;
            }
        }
        let row = &text[start..end];
        let is_row =
            row.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("ROW")) && row[3..].trim_start().starts_with('(');
        if is_row {
            out.push_str(&text[*copied..start]);
            *copied = start + 3;
        } else if !row.is_empty() && !row.starts_with('(') {
            out.push_str(&text[*copied..start]);
            out.push('(');
            out.push_str(row);
            out.push(')');
            *copied = end;
        }
        if !text[at..].starts_with(',') {
            return at;
        }
        at += 1;
    }
}

/// Length of a word, a quoted text, a comment or one other character.
pub(super) fn token_length(text: &str) -> usize {
    let to = |end: char| text[1..].find(end).map_or(text.len(), |at| at + 1 + end.len_utf8());
    match text.chars().next() {
        Some(quote @ ('\'' | '"' | '`')) => to(quote),
        Some('-') if text.starts_with("--") => text.find('\n').unwrap_or(text.len()),
        Some(c) if c.is_alphanumeric() || c == '_' => {
            text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
        }
        Some(c) => c.len_utf8(),
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_bare_rows_parentheses() {
        let cases = [
            (
                "SELECT x FROM (VALUES 1, NULL, f(2, 3)) AS t(x)",
                "SELECT x FROM (VALUES (1), (NULL), (f(2, 3))) AS t(x)",
            ),
            ("VALUES 'a, b' ORDER BY 1", "VALUES ('a, b') ORDER BY 1"),
            ("(VALUES date '2024-01-01')", "(VALUES (date '2024-01-01'))"),
            ("VALUES ROW(1, 2), (3, 4)", "VALUES (1, 2), (3, 4)"),
        ];
        for (given, wanted) in cases {
            assert_eq!(parenthesized(given), wanted);
        }
        for text in ["VALUES (1, 'a'), (2, 'b')", "SELECT map_values(m)", "SELECT 'VALUES 1'", "SELECT 1 -- VALUES 1"] {
            assert_eq!(parenthesized(text), text);
        }
    }
}
