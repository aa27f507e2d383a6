//! CSV after RFC 4180, and TSV; both without formulas unless asked for.
//!
//! NULL is an empty cell, or the text chosen for it; in CSV an empty text is `""`, and a text like the one for NULL has
//! quotes, so that they can be told apart. A text cell that a spreadsheet would run (OWASP, "CSV Injection") gets an
//! apostrophe in front.

use super::FormatOptions;
use super::delimited::Spelling;

/// Comma-separated cells, quoted where needed.
pub(super) struct Csv {
    verbatim: bool,
    separator: u8,
    null_text: String,
}

impl Csv {
    pub(super) fn new(options: &FormatOptions) -> Self {
        let FormatOptions { csv_verbatim, csv_separator, null_text, .. } = options;
        Self { verbatim: *csv_verbatim, separator: csv_separator.unwrap_or(b','), null_text: null_text.clone() }
    }

    fn needs_quotes(&self, cell: &str) -> bool {
        let is_special = |byte: u8| (byte == self.separator) | (byte == b'"') | (byte == b'\n') | (byte == b'\r');
        // Without an early end, so that many bytes are looked at together.
        cell.is_empty()
            || cell.bytes().fold(false, |found, byte| found | is_special(byte))
            || has_outer_blanks(cell)
            || cell == self.null_text
    }
}

impl Spelling for Csv {
    const LINE_END: &'static [u8] = b"\r\n";

    fn separator(&self) -> u8 {
        self.separator
    }

    fn push(&self, line: &mut Vec<u8>, cell: &str, is_text: bool) {
        let guard = is_text && !self.verbatim && is_formula(cell);
        if !guard && !self.needs_quotes(cell) {
            line.extend_from_slice(cell.as_bytes());
            return;
        }
        line.push(b'"');
        if guard {
            line.push(b'\'');
        }
        push_doubled(line, cell.as_bytes());
        line.push(b'"');
    }

    fn push_null(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(self.null_text.as_bytes());
    }
}

/// Appends bytes with every quote doubled.
fn push_doubled(line: &mut Vec<u8>, cell: &[u8]) {
    let start = line.len();
    line.resize(start + 2 * cell.len() + 1, 0);
    let room = &mut line[start..];
    let mut end = 0;
    for &byte in cell {
        // The second byte stays only behind a quote: JSON is full of them, and this way none is a branch.
        room[end] = byte;
        room[end + 1] = byte;
        end += 1 + usize::from(byte == b'"');
    }
    line.truncate(start + end);
}

/// Tab-separated cells; backslash, tab and line ends are written `\\`, `\t`, `\n`, `\r`.
pub(super) struct Tsv {
    verbatim: bool,
    null_text: String,
}

impl Tsv {
    pub(super) fn new(options: &FormatOptions) -> Self {
        Self { verbatim: options.csv_verbatim, null_text: options.null_text.clone() }
    }
}

impl Spelling for Tsv {
    const LINE_END: &'static [u8] = b"\n";

    fn separator(&self) -> u8 {
        b'\t'
    }

    fn push(&self, line: &mut Vec<u8>, cell: &str, is_text: bool) {
        if is_text && !self.verbatim && is_formula(cell) {
            line.push(b'\'');
        }
        for byte in cell.bytes() {
            match byte {
                b'\\' => line.extend_from_slice(b"\\\\"),
                b'\t' => line.extend_from_slice(b"\\t"),
                b'\n' => line.extend_from_slice(b"\\n"),
                b'\r' => line.extend_from_slice(b"\\r"),
                other => line.push(other),
            }
        }
    }

    fn push_null(&self, line: &mut Vec<u8>) {
        line.extend_from_slice(self.null_text.as_bytes());
    }
}

/// Says whether readers that trim cells would take something away.
fn has_outer_blanks(cell: &str) -> bool {
    let is_suspect = |byte: Option<&u8>| byte.is_some_and(|byte| *byte <= b' ' || *byte >= 0x80);
    let bytes = cell.as_bytes();
    (is_suspect(bytes.first()) || is_suspect(bytes.last())) && cell.trim() != cell
}

/// Says whether a spreadsheet would take the text for a formula. A lone dash or a number is none.
fn is_formula(cell: &str) -> bool {
    // 0xEF begins the wide forms of these characters.
    let may_be = matches!(cell.as_bytes().first(), Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n' | 0xEF));
    may_be && cell.len() > 1 && begins_like_formula(cell) && cell.parse::<f64>().is_err()
}

fn begins_like_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(cell: &str, options: &FormatOptions) -> String {
        let mut line = Vec::new();
        Csv::new(options).push(&mut line, cell, true);
        String::from_utf8(line).expect("text")
    }

    fn csv(cell: &str) -> String {
        with(cell, &FormatOptions::default())
    }

    #[test]
    fn quotes_only_where_needed() {
        assert_eq!(csv("plain text"), "plain text");
        assert_eq!(csv("a,b"), "\"a,b\"");
        assert_eq!(csv("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(csv("two\nlines"), "\"two\nlines\"");
        assert_eq!(csv(""), "\"\"");
        assert_eq!(csv(" padded"), "\" padded\"");
    }

    #[test]
    fn disarms_formulas() {
        assert_eq!(csv("=1+1"), "\"'=1+1\"");
        assert_eq!(csv("@SUM(A1)"), "\"'@SUM(A1)\"");
        assert_eq!(csv("-2+3+cmd|' /C calc'!A0"), "\"'-2+3+cmd|' /C calc'!A0\"");
        assert_eq!(csv("\t=1"), "\"'\t=1\"");
        assert_eq!(csv("＝1+1"), "\"'＝1+1\"");
        assert_eq!(csv("ｅ"), "ｅ");
    }

    #[test]
    fn keeps_numbers_and_dashes() {
        assert_eq!(csv("-5.5"), "-5.5");
        assert_eq!(csv("-"), "-");
    }

    #[test]
    fn writes_formulas_when_told() {
        assert_eq!(with("=1+1", &FormatOptions { csv_verbatim: true, ..FormatOptions::default() }), "=1+1");
    }

    #[test]
    fn separators_and_texts_like_null_have_quotes() {
        let options = FormatOptions { csv_separator: Some(b';'), null_text: "NULL".to_owned(), ..Default::default() };
        assert_eq!(with("a,b", &options), "a,b");
        assert_eq!(with("a;b", &options), "\"a;b\"");
        assert_eq!(with("NULL", &options), "\"NULL\"");
    }
}
