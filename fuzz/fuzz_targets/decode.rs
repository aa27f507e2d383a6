//! The decoder on any bytes: it never panics, no record vanishes, and how the bytes are cut into windows is no matter.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trailql_event::{Decoder, FileAccount};

/// What one pass over a file gave: its account, whether it was read to the end, and its rows and rejects.
type Outcome = (FileAccount, bool, u64, u64);

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    let whole = decode(bytes, bytes.len());
    let (account, _, rows, rejects) = whole;
    assert_eq!(account.records, account.rows + account.rejected, "a record is a row or a reject");
    assert_eq!(account.rows, rows, "every row is in a batch");
    assert_eq!(account.rejected, rejects, "every reject is named");
    let cut = decode(bytes, usize::from(step) + 1);
    assert_eq!(whole, cut, "windows of {} bytes change what is found", usize::from(step) + 1);
});

/// Feeds `bytes` in windows that grow by `step` until the decoder takes something.
fn decode(bytes: &[u8], step: usize) -> Outcome {
    let mut decoder = Decoder::new();
    decoder.begin("fuzzed");
    let (mut at, mut end) = (0, 0);
    let mut is_whole = true;
    loop {
        end = bytes.len().min(end + step);
        let last = end == bytes.len();
        match decoder.feed(&bytes[at..end], last) {
            Ok(taken) => at += taken,
            Err(_) => is_whole = false,
        }
        if last || !is_whole {
            break;
        }
    }
    let account = decoder.end();
    let rejects = decoder.take_rejects().len() as u64;
    let batches = decoder.finish().expect("rows fit their columns");
    let rows = batches.iter().map(|batch| batch.rows.num_rows() as u64).sum();
    for batch in &batches {
        assert_eq!(batch.keys.len(), batch.rows.num_rows(), "every row has a key");
    }
    (account, is_whole, rows, rejects)
}
