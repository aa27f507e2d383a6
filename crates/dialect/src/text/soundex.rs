//! `soundex(text)`: how a name sounds in English, as a letter and three digits.
//!
//! Trino's is the one of Apache Commons Codec: letters without a sound of their own part equal sounds, `H` and `W` do
//! not. See <https://trino.io/docs/current/functions/string.html>.

use arrow::array::ArrayRef;
use datafusion::common::{Result, exec_datafusion_err};

use crate::function::Call;

/// The digits of `A` to `Z`.
const SOUNDS: &[u8; 26] = b"01230120022455012623010202";

const LENGTH: usize = 4;

pub(super) fn soundex(call: &Call) -> Result<ArrayRef> {
    let texts = call.texts(0)?;
    call.build_texts(|row| texts.get(row).map(code).transpose())
}

fn code(text: &str) -> Result<String> {
    let mut letters = text.chars().filter(|c| c.is_alphabetic()).map(|c| (c, c.to_ascii_uppercase()));
    let Some((given, first)) = letters.next() else { return Ok(String::new()) };
    let mut code = String::from(first);
    let mut last = sound(given, first)?;
    for (given, letter) in letters {
        if code.len() == LENGTH {
            break;
        }
        if matches!(letter, 'H' | 'W') {
            continue;
        }
        let sound = sound(given, letter)?;
        if sound != '0' && sound != last {
            code.push(sound);
        }
        last = sound;
    }
    Ok(format!("{code:0<LENGTH$}"))
}

fn sound(given: char, letter: char) -> Result<char> {
    let place = u8::try_from(letter).ok().and_then(|letter| letter.checked_sub(b'A'));
    let sound = place.and_then(|place| SOUNDS.get(usize::from(place)));
    sound.map(|sound| char::from(*sound)).ok_or_else(|| exec_datafusion_err!("soundex knows A to Z, and not '{given}'"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::code;

    #[test]
    fn codes_of_the_census() {
        let codes = [
            ("Robert", "R163"),
            ("Rupert", "R163"),
            ("Ashcraft", "A261"),
            ("Tymczak", "T522"),
            ("Pfister", "P236"),
            ("Honeyman", "H555"),
            ("O'Hara", "O600"),
            ("a", "A000"),
            ("42", ""),
        ];
        for (name, wanted) in codes {
            assert_eq!(code(name).unwrap(), wanted, "{name}");
        }
        assert!(code("Éva").is_err());
    }
}
