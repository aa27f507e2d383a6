//! Digest JSON and digest keys of strangers: no panic, and what is read is what was written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trailql_integrity::{Digest, DigestKey};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(digest) = Digest::parse(bytes) {
        let value: serde_json::Value = serde_json::from_slice(bytes).expect("a digest is JSON");
        assert_eq!(value["digestEndTime"], digest.digest_end_time.as_str(), "what is signed is the text as written");
        let _ = digest.end();
    }
    if let Ok(key) = std::str::from_utf8(bytes)
        && let Some(parsed) = DigestKey::parse(key, "111122223333", "us-east-1")
    {
        assert!(key.ends_with(".json.gz") && key.contains(&parsed.trail), "a key is made of its parts");
    }
});
