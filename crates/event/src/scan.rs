//! A validating JSON scanner that never builds a tree: it finds where values begin and end.
//!
//! Grammar: RFC 8259, strictly. Nesting may be as deep as the input, since nothing here recurses.

use std::borrow::Cow;

/// Why scanning stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes ended inside a value.
    End,
    /// The byte at this offset cannot stand there.
    Bad(usize),
}

/// A value as it stands in the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Value<'a> {
    /// The member is not there.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// A string: what stands between the quotes.
    Text { raw: &'a [u8], escaped: bool },
    /// A number, `true` or `false`.
    Literal(&'a [u8]),
    /// An object or array, brackets included.
    Nested { raw: &'a [u8], spaced: bool },
}

impl<'a> Value<'a> {
    /// The value's text as it stands in the source, quotes included.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        match *self {
            Value::Absent => {}
            Value::Null => out.extend_from_slice(b"null"),
            Value::Text { raw, .. } => {
                out.push(b'"');
                out.extend_from_slice(raw);
                out.push(b'"');
            }
            Value::Literal(raw) | Value::Nested { raw, spaced: false } => out.extend_from_slice(raw),
            Value::Nested { raw, spaced: true } => minify(raw, out),
        }
    }

    /// Whether the member is there with a value other than `null`.
    pub(crate) fn is_some(&self) -> bool {
        !matches!(self, Value::Absent | Value::Null)
    }

    /// What a text column holds of the value: a string's characters, or a number or boolean as written.
    pub(crate) fn text(&self) -> Option<Cow<'a, [u8]>> {
        match *self {
            Value::Text { raw, escaped: true } => {
                let mut text = Vec::with_capacity(raw.len());
                unescape(raw, &mut text);
                Some(Cow::Owned(text))
            }
            Value::Text { raw, .. } | Value::Literal(raw) => Some(Cow::Borrowed(raw)),
            Value::Absent | Value::Null | Value::Nested { .. } => None,
        }
    }

    /// The bytes of a string without escapes.
    pub(crate) fn plain(&self) -> Option<&'a [u8]> {
        match *self {
            Value::Text { raw, escaped: false } => Some(raw),
            _ => None,
        }
    }
}

/// A position in JSON bytes.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    pub(crate) at: usize,
    /// Whether white space was skipped since this was last cleared.
    pub(crate) spaced: bool,
    closers: Vec<u8>,
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

impl<'a> Scanner<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self::starting_at(bytes, 0)
    }

    pub(crate) fn starting_at(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, spaced: false, closers: Vec::new() }
    }

    /// Skips white space and returns the next byte without taking it.
    #[inline]
    pub(crate) fn peek(&mut self) -> Result<u8, Stop> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => {
                    self.at += 1;
                    self.spaced = true;
                }
                Some(byte) => return Ok(*byte),
                None => return Err(Stop::End),
            }
        }
    }

    /// Takes `byte` after optional white space.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.peek()? == byte {
            self.at += 1;
            Ok(())
        } else {
            Err(Stop::Bad(self.at))
        }
    }

    /// Takes the opening bracket of an object or array; false where it closes again at once.
    #[inline]
    pub(crate) fn open(&mut self, closer: u8) -> Result<bool, Stop> {
        self.at += 1;
        if self.peek()? == closer {
            self.at += 1;
            return Ok(false);
        }
        Ok(true)
    }

    /// After an element: takes the comma (true) or the closing bracket (false).
    #[inline]
    pub(crate) fn more(&mut self, closer: u8) -> Result<bool, Stop> {
        match self.peek()? {
            b',' => {
                self.at += 1;
                Ok(true)
            }
            byte if byte == closer => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(Stop::Bad(self.at)),
        }
    }

    /// Takes a member's name and its colon.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<(&'a [u8], bool), Stop> {
        if self.peek()? != b'"' {
            return Err(Stop::Bad(self.at));
        }
        let key = self.string()?;
        self.expect(b':')?;
        Ok(key)
    }

    /// Takes one value of any kind.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Value<'a>, Stop> {
        match self.peek()? {
            b'"' => {
                let (raw, escaped) = self.string()?;
                Ok(Value::Text { raw, escaped })
            }
            b'{' | b'[' => {
                let start = self.at;
                let before = std::mem::take(&mut self.spaced);
                self.skip_nested()?;
                let spaced = self.spaced;
                self.spaced |= before;
                Ok(Value::Nested { raw: &self.bytes[start..self.at], spaced })
            }
            b'n' => self.word(b"null").map(|_| Value::Null),
            b't' => self.word(b"true").map(Value::Literal),
            b'f' => self.word(b"false").map(Value::Literal),
            _ => self.number().map(Value::Literal),
        }
    }

    /// Takes a string at its opening quote; returns what is between the quotes and whether it has escapes.
    #[inline]
    fn string(&mut self) -> Result<(&'a [u8], bool), Stop> {
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            at = plain_run(self.bytes, at);
            match self.bytes.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok((&self.bytes[start..at], escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    at = self.escape(at)?;
                }
                Some(_) => return Err(Stop::Bad(at)),
                None => return Err(Stop::End),
            }
        }
    }

    /// Checks the escape at `at` and returns the offset behind it.
    fn escape(&self, at: usize) -> Result<usize, Stop> {
        match self.bytes.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
            Some(b'u') => {
                for offset in at + 2..at + 6 {
                    match self.bytes.get(offset) {
                        Some(byte) if byte.is_ascii_hexdigit() => {}
                        Some(_) => return Err(Stop::Bad(offset)),
                        None => return Err(Stop::End),
                    }
                }
                Ok(at + 6)
            }
            Some(_) => Err(Stop::Bad(at + 1)),
            None => Err(Stop::End),
        }
    }

    fn word(&mut self, word: &'static [u8]) -> Result<&'a [u8], Stop> {
        let rest = &self.bytes[self.at..];
        if let Some(found) = rest.get(..word.len()) {
            if found == word {
                self.at += word.len();
                return Ok(found);
            }
        } else if word.starts_with(rest) {
            return Err(Stop::End);
        }
        Err(Stop::Bad(self.at))
    }

    fn number(&mut self) -> Result<&'a [u8], Stop> {
        let start = self.at;
        if self.bytes[self.at] == b'-' {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.bytes[start..self.at])
    }

    fn digits(&mut self) -> Result<(), Stop> {
        let run = self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += run;
        match (run, self.bytes.get(self.at)) {
            (0, None) => Err(Stop::End),
            (0, Some(_)) => Err(Stop::Bad(self.at)),
            _ => Ok(()),
        }
    }

    /// Skips an object or array at its opening bracket, checking every token.
    fn skip_nested(&mut self) -> Result<(), Stop> {
        self.closers.clear();
        loop {
            match self.peek()? {
                b'{' => {
                    if self.open(b'}')? {
                        self.closers.push(b'}');
                        self.key()?;
                        continue;
                    }
                }
                b'[' => {
                    if self.open(b']')? {
                        self.closers.push(b']');
                        continue;
                    }
                }
                b'"' => {
                    self.string()?;
                }
                b'n' => {
                    self.word(b"null")?;
                }
                b't' => {
                    self.word(b"true")?;
                }
                b'f' => {
                    self.word(b"false")?;
                }
                _ => {
                    self.number()?;
                }
            }
            // A value ended: close what ends with it, up to the next value.
            loop {
                let Some(closer) = self.closers.last().copied() else { return Ok(()) };
                if self.more(closer)? {
                    if closer == b'}' {
                        self.key()?;
                    }
                    break;
                }
                self.closers.pop();
            }
        }
    }
}

/// Offset of the first byte at or after `at` that ends a run of plain string bytes: a quote, a backslash, a control
/// character, or the end.
#[inline]
fn plain_run(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (LOW * b'"' as u64);
        let slash = word ^ (LOW * b'\\' as u64);
        // The lowest flagged byte is exact; higher ones may be borrowed flags, which do not matter.
        let found = ((quote.wrapping_sub(LOW) & !quote)
            | (slash.wrapping_sub(LOW) & !slash)
            | (word.wrapping_sub(LOW * 0x20) & !word))
            & HIGH;
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0..0x20);
    at + bytes.get(at..).map_or(0, |rest| rest.iter().take_while(plain).count())
}

/// Appends `json`, which must be valid, without the white space between its tokens.
pub(crate) fn minify(json: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => at += 1,
            b'"' => {
                let start = at;
                at = plain_run(json, at + 1);
                while json.get(at) == Some(&b'\\') {
                    at = plain_run(json, at + 2);
                }
                at += 1;
                out.extend_from_slice(&json[start..at.min(json.len())]);
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
}

/// Appends the characters that a string's inner `raw` bytes stand for.
///
/// Returns false where they cannot be given back exactly: half of a surrogate pair, which becomes U+FFFD.
pub(crate) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> bool {
    let mut exact = true;
    let mut at = 0;
    while at < raw.len() {
        let end = plain_run(raw, at);
        out.extend_from_slice(&raw[at..end]);
        at = end;
        if raw.get(at) != Some(&b'\\') {
            // Only reached by bytes that the scanner would have refused; they are copied as they are.
            out.extend(raw.get(at));
            at += 1;
            continue;
        }
        let plain = match raw.get(at + 1) {
            Some(b'b') => 0x08,
            Some(b'f') => 0x0C,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let (character, length) = unicode_escape(&raw[at..]);
                exact &= character.is_some();
                let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                at += length;
                continue;
            }
            Some(byte) => *byte,
            None => return false,
        };
        out.push(plain);
        at += 2;
    }
    exact
}

/// Reads `\uXXXX`, or a pair of them, at the start of `raw`; returns the character and the bytes it took.
fn unicode_escape(raw: &[u8]) -> (Option<char>, usize) {
    let unit = |at: usize| {
        let digits = raw.get(at..at + 6).filter(|unit| unit.starts_with(b"\\u"))?;
        u32::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    let Some(first) = unit(0) else { return (None, raw.len().min(6)) };
    if let (0xD800..0xDC00, Some(second @ 0xDC00..0xE000)) = (first, unit(6)) {
        return (char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)), 12);
    }
    (char::from_u32(first), 6)
}

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let end = plain_run(bytes, at);
        out.extend_from_slice(&bytes[at..end]);
        let Some(byte) = bytes.get(end) else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
        at = end + 1;
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(json: &str) -> Result<usize, Stop> {
        let mut scanner = Scanner::new(json.as_bytes());
        scanner.value()?;
        Ok(scanner.at)
    }

    #[test]
    fn takes_whole_values() {
        for json in ["{}", "[]", "null", "true", "-0.5e+10", "\"\"", "{\"a\":[1,{\"b\":null}],\"c\":\"\\u00e9\\\\\"}"] {
            assert_eq!(scan(json), Ok(json.len()), "{json}");
        }
        assert_eq!(scan("[[[[[[]]]]]]x"), Ok(12));
    }

    #[test]
    fn refuses_what_is_no_json() {
        for json in [
            "{,}",
            "[1,]",
            "{\"a\" 1}",
            "{a:1}",
            "nul!",
            "01x".get(1..).unwrap_or(""),
            "\"\u{1}\"",
            "\"\\x\"",
            "-",
            "1.",
        ] {
            match scan(json) {
                Err(_) => {}
                Ok(end) => assert!(end < json.len(), "{json} was taken"),
            }
        }
        assert_eq!(scan("[1}"), Err(Stop::Bad(2)));
        assert_eq!(scan("{\"a\":"), Err(Stop::End));
        assert_eq!(scan("\"abc"), Err(Stop::End));
    }

    #[test]
    fn nests_without_a_limit() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        assert_eq!(scan(&deep), Ok(deep.len()));
    }

    #[test]
    fn finds_the_end_of_plain_text_anywhere() {
        for special in [b'"', b'\\', 0, 0x1F] {
            for at in 0..20 {
                let mut bytes = vec![0xC3; 40];
                bytes[at] = special;
                assert_eq!(plain_run(&bytes, 0), at);
                assert_eq!(plain_run(&bytes[..at], 0), at);
            }
        }
    }

    #[test]
    fn minifies_outside_of_strings_only() {
        let mut out = Vec::new();
        minify(b"{ \"a b\" : [ 1 , \"x \\\" y\" ]\n}", &mut out);
        assert_eq!(out, b"{\"a b\":[1,\"x \\\" y\"]}");
    }

    #[test]
    fn unescapes_and_escapes() {
        let mut out = Vec::new();
        assert!(unescape(br#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"#, &mut out));
        assert_eq!(out, "a\"\\/\u{8}\u{c}\n\r\té😀".as_bytes());
        let mut lone = Vec::new();
        assert!(!unescape(br"\ud83d!", &mut lone));
        assert_eq!(lone, "\u{FFFD}!".as_bytes());
        let mut written = Vec::new();
        write_string("a\"\\\u{1}\n😀", &mut written);
        assert_eq!(written, "\"a\\\"\\\\\\u0001\\n😀\"".as_bytes());
    }
}
