//! CSV after RFC 4180, and TSV; both without formulas unless asked for.
//!
//! NULL is an empty cell; in CSV an empty text is `""`, so that the two can be told apart.
//! A text cell that a spreadsheet would run (OWASP, "CSV Injection") gets an apostrophe in front.

use super::delimited::Delimited;

/// Comma-separated cells, quoted where needed.
pub(super) struct Csv {
    verbatim: bool,
}

impl Csv {
    pub(super) fn new(verbatim: bool) -> Self {
        Self { verbatim }
    }
}

impl Delimited for Csv {
    const SEPARATOR: &'static str = ",";
    const LINE_END: &'static str = "\r\n";

    fn push(&self, line: &mut String, cell: &str, is_text: bool) {
        let guard = is_text && !self.verbatim && is_formula(cell);
        if !guard && !cell.is_empty() && !cell.contains([',', '"', '\n', '\r']) && cell.trim() == cell {
            line.push_str(cell);
            return;
        }
        line.push('"');
        if guard {
            line.push('\'');
        }
        for part in cell.split_inclusive('"') {
            line.push_str(part);
            if part.ends_with('"') {
                line.push('"');
            }
        }
        line.push('"');
    }
}

/// Tab-separated cells; backslash, tab and line ends are written `\\`, `\t`, `\n`, `\r`.
pub(super) struct Tsv {
    verbatim: bool,
}

impl Tsv {
    pub(super) fn new(verbatim: bool) -> Self {
        Self { verbatim }
    }
}

impl Delimited for Tsv {
    const SEPARATOR: &'static str = "\t";
    const LINE_END: &'static str = "\n";

    fn push(&self, line: &mut String, cell: &str, is_text: bool) {
        if is_text && !self.verbatim && is_formula(cell) {
            line.push('\'');
        }
        for character in cell.chars() {
            match character {
                '\\' => line.push_str("\\\\"),
                '\t' => line.push_str("\\t"),
                '\n' => line.push_str("\\n"),
                '\r' => line.push_str("\\r"),
                other => line.push(other),
            }
        }
    }
}

/// Says whether a spreadsheet would take the text for a formula. A lone dash or a number is none.
fn is_formula(cell: &str) -> bool {
    let Some(first) = cell.chars().next() else { return false };
    let is_trigger = matches!(first, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠');
    is_trigger && cell.len() > 1 && cell.parse::<f64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(cell: &str) -> String {
        let mut line = String::new();
        Csv::new(false).push(&mut line, cell, true);
        line
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
    }

    #[test]
    fn keeps_numbers_and_dashes() {
        assert_eq!(csv("-5.5"), "-5.5");
        assert_eq!(csv("-"), "-");
    }

    #[test]
    fn writes_formulas_when_told() {
        let mut line = String::new();
        Csv::new(true).push(&mut line, "=1+1", true);
        assert_eq!(line, "=1+1");
    }
}
