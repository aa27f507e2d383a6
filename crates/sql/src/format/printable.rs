//! Text that is safe to show: log data decides nothing about the terminal.
//!
//! CloudTrail records what callers send, user agents for instance, so a value may hold escape sequences that move
//! the cursor, set the window title or paint over other rows, and bidirectional overrides that reorder them.

use std::borrow::Cow;

/// Returns `text` with every control and reordering character spelt out, as `\n`, `\t` or `\x1b` or `\u{202e}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        push_printable(&mut out, character);
    }
    Cow::Owned(out)
}

/// Says whether a character could act on a terminal instead of being shown.
pub(super) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Appends one character in its safe form.
pub(super) fn push_printable(out: &mut String, character: char) {
    match character {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_unsafe(c) && (c as u32) < 0x100 => out.push_str(&format!("\\x{:02x}", c as u32)),
        c if is_unsafe(c) => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_plain_text_alone() {
        assert!(matches!(printable("Grüße, 世界 🙂"), Cow::Borrowed(_)));
    }

    #[test]
    fn spells_out_escape_sequences() {
        assert_eq!(printable("a\u{1b}]0;owned\u{7}b\u{9b}2J"), "a\\x1b]0;owned\\x07b\\x9b2J");
        assert_eq!(printable("a\r\n\tb\u{202e}c"), "a\\r\\n\\tb\\u{202e}c");
    }
}
