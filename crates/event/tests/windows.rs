//! How a file is cut into windows must not change what is found in it.
#![allow(clippy::unwrap_used)]

use trailql_event::{Decoder, FileAccount};

/// Decodes `bytes` in windows that grow by `step` until the decoder takes something.
fn decode(bytes: &[u8], step: usize) -> (FileAccount, Vec<String>) {
    let mut decoder = Decoder::new();
    decoder.begin("file");
    let (mut at, mut end) = (0, 0);
    while end < bytes.len() {
        end = bytes.len().min(end + step);
        at += decoder.feed(&bytes[at..end], end == bytes.len()).unwrap();
    }
    (decoder.end(), decoder.take_rejects().into_iter().map(|reject| reject.text).collect())
}

#[test]
fn a_number_at_the_end_of_a_window_is_one_record() {
    for file in [&b"[12345,{\"eventName\":\"A\"},-1.5e10]"[..], b"12345 {\"eventName\":\"A\"}\n678"] {
        let whole = decode(file, file.len());
        assert_eq!((whole.0.rows, whole.0.rejected), (1, 2));
        for step in 1..file.len() {
            assert_eq!(decode(file, step), whole, "windows of {step} bytes");
        }
    }
}

#[test]
fn a_bad_first_line_is_judged_by_the_line_behind_it() {
    let file = b"{broken}\n{\"eventName\":\"A\"}\n";
    let whole = decode(file, file.len());
    assert_eq!((whole.0.rows, whole.0.rejected), (1, 1));
    for step in 1..file.len() {
        assert_eq!(decode(file, step), whole, "windows of {step} bytes");
    }
}

#[test]
fn utf_16_is_told_by_its_mark_in_windows_of_any_size() {
    for mark in [b"\xFF\xFE", b"\xFE\xFF"] {
        let file = [mark.as_slice(), b"\n{}\n"].concat();
        for step in 1..=file.len() {
            let mut decoder = Decoder::new();
            decoder.begin("file");
            let mut ends = (1..=file.len()).map(|count| file.len().min(count * step));
            let damage = ends.find_map(|end| decoder.feed(&file[..end], end == file.len()).err());
            assert!(damage.is_some_and(|damage| damage.to_string().contains("UTF-16")), "windows of {step} bytes");
        }
    }
}
