//! The two encodings of RSA public keys.
//!
//! CloudTrail's documentation says PKCS #1 (`RSAPublicKey`), one of its samples is a `SubjectPublicKeyInfo`.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// `AlgorithmIdentifier` of RSA: the object identifier 1.2.840.113549.1.1.1 and no parameters.
const RSA_ALGORITHM: &[u8] = &[0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00];

/// The `RSAPublicKey` in a key of either encoding; `None` if it is neither, or has bytes behind it.
pub(crate) fn pkcs1(key: &[u8]) -> Option<&[u8]> {
    let (outer, rest) = element(key, SEQUENCE)?;
    if !rest.is_empty() {
        return None;
    }
    if outer.first() == Some(&INTEGER) {
        let (_modulus, rest) = element(outer, INTEGER)?;
        let (_exponent, rest) = element(rest, INTEGER)?;
        return rest.is_empty().then_some(key);
    }
    let (algorithm, rest) = element(outer, SEQUENCE)?;
    let (bits, rest) = element(rest, BIT_STRING)?;
    let (unused_bits, inner) = bits.split_first()?;
    if algorithm != RSA_ALGORITHM || !rest.is_empty() || *unused_bits != 0 {
        return None;
    }
    // A wrapper in a wrapper is no key.
    (element(inner, SEQUENCE)?.0.first() == Some(&INTEGER)).then(|| pkcs1(inner)).flatten()
}

/// Content of the element that `bytes` begin with, which must be of that kind, and what comes behind it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match usize::from(*length) {
        short @ ..=0x7F => (short, rest),
        // Three bytes of length are 16 MiB of key.
        long @ 0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(long - 0x80)?;
            (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    if *first != tag { None } else { rest.split_at_checked(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PKCS1: &[u8] = &[SEQUENCE, 6, INTEGER, 1, 5, INTEGER, 1, 3];

    fn wrap(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
        let algorithm = [&[SEQUENCE, algorithm.len() as u8], algorithm].concat();
        let bits = [&[BIT_STRING, key.len() as u8 + 1, 0], key].concat();
        let content = [algorithm, bits].concat();
        [&[SEQUENCE, content.len() as u8], content.as_slice()].concat()
    }

    #[test]
    fn finds_the_key_in_both_encodings() {
        assert_eq!(pkcs1(PKCS1), Some(PKCS1));
        assert_eq!(pkcs1(&wrap(RSA_ALGORITHM, PKCS1)), Some(PKCS1));
    }

    #[test]
    fn takes_nothing_else_for_a_key() {
        let wrapped = wrap(RSA_ALGORITHM, PKCS1);
        for bad in [
            &[][..],
            &PKCS1[..5],
            &[PKCS1, &[0]].concat(),
            &[wrapped.as_slice(), &[0]].concat(),
            &wrap(&RSA_ALGORITHM[2..], PKCS1),
            &wrap(RSA_ALGORITHM, &wrapped),
            &[SEQUENCE, 0x84, 0, 0, 0, 1, 0],
        ] {
            assert_eq!(pkcs1(bad), None, "{bad:?}");
        }
    }
}
