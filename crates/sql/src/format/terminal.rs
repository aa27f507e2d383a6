//! The last gate before a terminal, for formats that carry values as they are (CSV, Markdown, JSON, …).

use std::io::{self, Write};

use super::printable::{is_unsafe, push_printable};

/// Writes UTF-8 text through to a terminal, control characters spelt out, line feeds and tabs kept.
pub struct TerminalGuard<W: Write> {
    inner: W,
    /// Bytes of a character whose end has not come yet.
    partial: Vec<u8>,
}

impl<W: Write> TerminalGuard<W> {
    /// Guards `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, partial: Vec::new() }
    }

    fn write_text(&mut self, text: &str) -> io::Result<()> {
        if !text.chars().any(needs_escape) {
            return self.inner.write_all(text.as_bytes());
        }
        let mut safe = String::with_capacity(text.len() + 8);
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            // The line end of RFC 4180.
            if character == '\r' && characters.peek() == Some(&'\n') {
                continue;
            }
            if needs_escape(character) {
                push_printable(&mut safe, character);
            } else {
                safe.push(character);
            }
        }
        self.inner.write_all(safe.as_bytes())
    }
}

impl<W: Write> Write for TerminalGuard<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut pending = std::mem::take(&mut self.partial);
        pending.extend_from_slice(bytes);
        let mut rest = pending.as_slice();
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.write_text(text)?;
                    rest = &[];
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    self.write_text(&String::from_utf8_lossy(valid))?;
                    let Some(bad) = error.error_len() else {
                        self.partial = after.to_vec();
                        break;
                    };
                    self.inner.write_all("\u{fffd}".as_bytes())?;
                    rest = &after[bad..];
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn needs_escape(character: char) -> bool {
    is_unsafe(character) && !matches!(character, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn keeps_lines_and_split_characters() {
        let mut out = Vec::new();
        let mut guard = TerminalGuard::new(&mut out);
        let text = "é\tx\n\u{1b}[31mred\u{85}".as_bytes();
        for byte in text {
            guard.write_all(std::slice::from_ref(byte)).unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), "é\tx\n\\x1b[31mred\\x85");
    }
}
