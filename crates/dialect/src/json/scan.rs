//! Walks over JSON text without building a tree: finds the text of one value and skips the rest.

use std::borrow::Cow;

use memchr::memchr2;

/// A place in JSON text. Methods return `None` where the text is no JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let mut cursor = Self { text, at: 0 };
        cursor.skip_blanks();
        cursor
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        if self.peek()? != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Takes a string with its quotes, and returns what is between them, still escaped.
    fn take_string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            self.at += memchr2(b'"', b'\\', &self.text.as_bytes()[self.at..])?;
            if self.peek() == Some(b'"') {
                self.at += 1;
                return Some(&self.text[start..self.at - 1]);
            }
            // The byte behind a backslash is no end, whatever it is.
            self.at += 2;
            if self.at > self.text.len() {
                return None;
            }
        }
    }

    /// Takes a value and returns its text.
    pub(crate) fn take_value(&mut self) -> Option<&'a str> {
        let start = self.at;
        match self.peek()? {
            b'"' => {
                self.take_string()?;
            }
            b'{' | b'[' => self.skip_nested()?,
            _ => {
                let rest = &self.text.as_bytes()[self.at..];
                let length = rest.iter().position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t'..=b'\r'));
                self.at += length.unwrap_or(rest.len());
                if !is_literal(&self.text[start..self.at]) {
                    return None;
                }
            }
        }
        Some(&self.text[start..self.at])
    }

    fn skip_nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.take_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Calls `visit` for each member of an object with its key, still escaped, and a cursor at its value; `visit` says
    /// whether to go on.
    pub(crate) fn members(mut self, mut visit: impl FnMut(&'a str, Self) -> bool) -> Option<()> {
        self.take(b'{')?;
        self.skip_blanks();
        if self.peek()? == b'}' {
            return Some(());
        }
        loop {
            let key = self.take_string()?;
            self.skip_blanks();
            self.take(b':')?;
            self.skip_blanks();
            if !visit(key, self) {
                return Some(());
            }
            self.take_value()?;
            if !self.more(b'}')? {
                return Some(());
            }
        }
    }

    /// Calls `visit` for each element of an array with a cursor at it; `visit` says whether to go on.
    pub(crate) fn elements(mut self, mut visit: impl FnMut(Self) -> bool) -> Option<()> {
        self.take(b'[')?;
        self.skip_blanks();
        if self.peek()? == b']' {
            return Some(());
        }
        loop {
            if !visit(self) {
                return Some(());
            }
            self.take_value()?;
            if !self.more(b']')? {
                return Some(());
            }
        }
    }

    /// Takes a comma, or says that `end` is reached.
    fn more(&mut self, end: u8) -> Option<bool> {
        self.skip_blanks();
        let byte = self.peek()?;
        self.at += 1;
        self.skip_blanks();
        if byte == end {
            return Some(false);
        }
        (byte == b',').then_some(true)
    }
}

/// Says whether an unquoted value is a number, a boolean or `null`.
fn is_literal(text: &str) -> bool {
    matches!(text, "true" | "false" | "null") || is_number(text.as_bytes())
}

fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text[0] == b'0') {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let length = digits(fraction);
        if length == 0 {
            return false;
        }
        rest = &fraction[length..];
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+")).unwrap_or(exponent);
        let length = digits(exponent);
        return length > 0 && length == exponent.len();
    }
    rest.is_empty()
}

/// Takes the escapes out of what is between a string's quotes; `None` for escapes that JSON has not.
pub(crate) fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Some(Cow::Borrowed(raw));
    }
    serde_json::from_str::<String>(&format!("\"{raw}\"")).ok().map(Cow::Owned)
}

/// Takes blanks between tokens away.
pub(crate) fn minify(json: &str) -> Cow<'_, str> {
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    if !json.bytes().any(is_blank) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut cursor = Cursor::new(json);
    while let Some(byte) = cursor.peek() {
        let start = cursor.at;
        if byte == b'"' {
            if cursor.take_string().is_none() {
                return Cow::Borrowed(json);
            }
            out.push_str(&json[start..cursor.at]);
        } else {
            let rest = &json.as_bytes()[start..];
            let length = rest.iter().position(|byte| is_blank(*byte) || *byte == b'"').unwrap_or(rest.len());
            cursor.at += length;
            out.push_str(&json[start..cursor.at]);
        }
        cursor.skip_blanks();
    }
    Cow::Owned(out)
}

/// Reads a value as SQL text: strings without quotes and escapes, numbers and booleans as written; `None` for `null`,
/// objects and arrays.
pub(crate) fn scalar_text(value: &str) -> Option<Cow<'_, str>> {
    match value.as_bytes().first()? {
        b'"' => unescape(value.get(1..value.len() - 1)?),
        b'{' | b'[' | b'n' => None,
        _ => Some(Cow::Borrowed(value)),
    }
}

/// Reads a value as CloudTrail Lake's maps hold it: as [`scalar_text`], and objects and arrays as JSON.
pub(crate) fn member_text(value: &str) -> Option<Cow<'_, str>> {
    match value.as_bytes().first()? {
        b'{' | b'[' => Some(minify(value)),
        _ => scalar_text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<&str> {
        let mut cursor = Cursor::new(text);
        let value = cursor.take_value()?;
        (cursor.at == text.len()).then_some(value)
    }

    #[test]
    fn takes_values_of_every_kind() {
        for text in ["1", "-0.5e+7", "true", "null", r#""a\"]b""#, r#"{"a":[1,{"b":"}"}]}"#, "[]"] {
            assert_eq!(whole(text), Some(text));
        }
        for text in ["", "01", "1.", "tru", "\"", "\"\\", "{", "[1", "1 2", "+1", ".5", "1e"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }

    #[test]
    fn minifies_outside_strings() {
        assert_eq!(minify(r#"{ "a b" : [ 1 , "c \" d" ] }"#), r#"{"a b":[1,"c \" d"]}"#);
    }

    #[test]
    fn reads_scalars() {
        assert_eq!(scalar_text(r#""\u00e9\n""#).as_deref(), Some("é\n"));
        assert_eq!(scalar_text("1.50").as_deref(), Some("1.50"));
        assert_eq!(scalar_text("null"), None);
        assert_eq!(scalar_text("{}"), None);
    }
}
