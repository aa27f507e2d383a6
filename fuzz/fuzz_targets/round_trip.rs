//! Promise 1 on any event: `eventjson` of a decoded row is the source record as a JSON value.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use trailql_event::{Decoder, event_json, same_json};

fuzz_target!(|text: &str| {
    // Each element of an array is a record; another parser says where it begins and ends.
    let Ok(records) = serde_json::from_str::<Vec<&RawValue>>(text) else { return };
    let mut decoder = Decoder::new();
    let (account, outcome) = decoder.decode("fuzzed", text.as_bytes());
    assert!(outcome.is_ok(), "valid JSON is refused: {outcome:?}");
    assert_eq!(account.records, records.len() as u64, "records are missing");
    let rejected: Vec<u64> = decoder.take_rejects().iter().map(|reject| reject.record).collect();
    let numbered = (1..).zip(records);
    let mut sources = numbered.filter(|(number, _)| !rejected.contains(number)).map(|(_, record)| record.get());
    for batch in decoder.finish().expect("rows fit their columns") {
        let events = event_json(&batch.rows).expect("the batch has all columns");
        for event in events.iter().flatten() {
            let source = sources.next().expect("no more rows than records");
            assert!(same_json(source, event), "{source}\nbecame\n{event}");
        }
    }
    assert!(sources.next().is_none(), "a record is neither row nor reject");
});
