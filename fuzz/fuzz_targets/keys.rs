//! Public keys of strangers: no panic, neither in JSON nor in DER, and keys are written as they were read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trailql_integrity::{PublicKey, parse_keys, write_keys};

fuzz_target!(|bytes: &[u8]| {
    let key = PublicKey { fingerprint: "f".to_owned(), value: bytes.to_vec(), valid_from: None, valid_until: None };
    let _: bool = key.is_readable();
    if let Ok(keys) = parse_keys(bytes) {
        let again = parse_keys(write_keys(&keys).as_bytes()).expect("what was written can be read");
        assert_eq!(keys, again);
    }
});
