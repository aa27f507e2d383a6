//! Promise 1: `eventjson` equals the source record as a JSON value, for real files and for made ones.
//!
//! The comparison shares no code with the decoder: it walks `serde_json`'s raw values and compares numbers as text.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::value::RawValue;
use trailql_event::{Decoder, event_json, same_json};

/// Events rebuilt from the rows of one file.
fn rebuilt(bytes: &[u8]) -> (Vec<String>, u64) {
    let mut decoder = Decoder::new();
    let (account, outcome) = decoder.decode("file", bytes);
    let _ = outcome;
    let batches = decoder.finish().unwrap();
    let mut events = Vec::new();
    for batch in &batches {
        assert_eq!(batch.rows.num_rows(), batch.keys.len());
        events.extend(event_json(&batch.rows).unwrap().iter().map(|event| event.unwrap().to_owned()));
    }
    assert_eq!(account.rows as usize, events.len());
    assert_eq!(account.records, account.rows + account.rejected);
    (events, account.rejected)
}

/// Equality of JSON values by way of `serde_json`; values nested beyond any stack must be equal byte by byte.
fn equal(a: &str, b: &str) -> bool {
    equal_at(a, b, 0)
}

fn equal_at(a: &str, b: &str, depth: usize) -> bool {
    let (a, b) = (a.trim(), b.trim());
    if depth > 500 {
        return a == b;
    }
    match (a.as_bytes()[0], b.as_bytes()[0]) {
        (b'{', b'{') => {
            let parse = |text: &str| serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(text);
            match (parse(a), parse(b)) {
                (Ok(a), Ok(b)) => {
                    a.len() == b.len()
                        && a.iter().zip(&b).all(|((ka, a), (kb, b))| ka == kb && equal_at(a.get(), b.get(), depth + 1))
                }
                _ => a == b,
            }
        }
        (b'[', b'[') => {
            let parse = |text: &str| serde_json::from_str::<Vec<Box<RawValue>>>(text).unwrap();
            let (a, b) = (parse(a), parse(b));
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| equal_at(a.get(), b.get(), depth + 1))
        }
        (b'"', b'"') => {
            let parse = |text: &str| serde_json::from_str::<String>(text).ok();
            // Half a surrogate pair is no `String`; the escapes themselves must be the same then.
            match (parse(a), parse(b)) {
                (Some(a), Some(b)) => a == b,
                _ => a == b,
            }
        }
        _ => a == b,
    }
}

type Object = BTreeMap<String, Box<RawValue>>;

/// The records of a file, found by plain means.
fn source_records(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Box<RawValue>>() {
        match value {
            Ok(value) => find_records(value.get(), &mut found),
            Err(_) => {
                return text
                    .lines()
                    .flat_map(|line| serde_json::from_str(line).ok().map(|v: Box<RawValue>| v.get().to_owned()))
                    .collect();
            }
        }
    }
    found
}

fn find_records(value: &str, found: &mut Vec<String>) {
    if let Ok(list) = serde_json::from_str::<Vec<Box<RawValue>>>(value) {
        list.iter().for_each(|element| find_records(element.get(), found));
        return;
    }
    let Ok(object) = serde_json::from_str::<Object>(value) else { return };
    if ["eventVersion", "eventName", "eventID", "eventId", "insightDetails"].iter().any(|key| object.contains_key(*key))
    {
        found.push(value.to_owned());
        return;
    }
    for list in ["Records", "Events", "logEvents"] {
        if let Some(list) = object.get(list) {
            return find_records(list.get(), found);
        }
    }
    for text in ["CloudTrailEvent", "message"] {
        if let Some(text) = object.get(text) {
            return find_records(&serde_json::from_str::<String>(text.get()).unwrap_or_default(), found);
        }
    }
    if let (Some(detail), true) = (object.get("detail"), object.contains_key("detail-type")) {
        find_records(detail.get(), found);
    }
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, files) } else { files.push(path) }
    }
}

fn unpacked(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if !bytes.starts_with(&[0x1F, 0x8B]) {
        return bytes;
    }
    let mut out = Vec::new();
    let _ = flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut out);
    out
}

/// Compares every event of every file below `folder`; returns how many there were.
fn check_folder(folder: &Path) -> usize {
    let mut files = Vec::new();
    files_below(folder, &mut files);
    let logs = ["json", "gz", "jsonl", "ndjson", "log"];
    let mut events = 0;
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| logs.contains(&e.to_str().unwrap()))) {
        let bytes = unpacked(file);
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        let text = text.trim_start_matches('\u{FEFF}');
        // A file that plain means cannot read whole has tests of its own.
        if serde_json::Deserializer::from_str(text).into_iter::<Box<RawValue>>().any(|value| value.is_err()) {
            continue;
        }
        let (rows, _) = rebuilt(&bytes);
        let source = source_records(text);
        assert_eq!(rows.len(), source.len(), "{}", file.display());
        for (row, source) in rows.iter().zip(&source) {
            assert!(equal(row, source), "{}\nsource {source}\nrow    {row}", file.display());
            assert!(same_json(row, source));
        }
        events += rows.len();
    }
    events
}

#[test]
fn bundled_files_come_back_exactly() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata");
    assert!(check_folder(&folder) > 100, "testdata holds events");
}

#[test]
fn all_real_files_come_back_exactly() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/real");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not there", folder.display());
        return;
    }
    let events = check_folder(&folder);
    assert!(events > 4000, "only {events} events");
}

/// JSON text of a value: any nesting, odd numbers, odd strings.
fn json_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?",
        json_string(),
        Just("{}".to_owned()),
        Just("[]".to_owned()),
        Just("\"2024-03-01T12:00:00Z\"".to_owned()),
        Just("\"2024-03-01 12:00:00.5\"".to_owned()),
        Just("\"True\"".to_owned()),
        Just("\"1.05\"".to_owned()),
        Just("\"Aggregated\"".to_owned()),
        Just("\"Insight\"".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|list| format!("[{}]", list.join(" , "))),
            members(inner, "[a-z \u{e9}]{0,8}".prop_map(|name| format!("\"{name}\""))),
        ]
    })
}

fn json_string() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,20}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        "[a-z]{0,8}".prop_map(|text| format!("\"{text}\"")),
        Just(r#""\ud83d\ude00 \/ \u0041""#.to_owned()),
        Just(r#""half \ud83d pair""#.to_owned()),
        Just(r#""\u0000""#.to_owned()),
    ]
}

fn members(value: impl Strategy<Value = String>, name: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    proptest::collection::vec((name, value), 0..5).prop_map(|members| {
        let members: Vec<_> = members.into_iter().map(|(name, value)| format!("{name} : {value}")).collect();
        format!("{{{}}}", members.join(",\n"))
    })
}

/// Names that CloudTrail uses at any level, and others.
fn member_name() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(vec![
        "eventVersion",
        "userIdentity",
        "eventTime",
        "eventSource",
        "eventName",
        "awsRegion",
        "sourceIPAddress",
        "errorCode",
        "requestParameters",
        "responseElements",
        "additionalEventData",
        "eventID",
        "eventId",
        "resources",
        "readOnly",
        "recipientAccountId",
        "accountId",
        "eventCategory",
        "eventType",
        "addendum",
        "tlsDetails",
        "managementEvent",
        "insightDetails",
        "timeWindow",
        "detail",
        "$absent",
        "$event",
        "type",
        "arn",
        "ARN",
        "sessionContext",
        "attributes",
        "webIdFederationData",
        "federatedProvider",
        "sessionIssuer",
        "mfaAuthenticated",
        "tlsVersion",
        "reason",
    ]);
    prop_oneof![
        8 => known.prop_map(|name| format!("\"{name}\"")),
        1 => ".{0,12}".prop_map(|name| serde_json::to_string(&name).unwrap()),
        1 => Just(r#""event\u004eame""#.to_owned()),
    ]
}

/// An object with CloudTrail's names at every level and any values.
fn odd_event() -> impl Strategy<Value = String> {
    let deep = json_value().prop_recursive(3, 16, 4, |inner| members(inner, member_name()));
    proptest::collection::vec((member_name(), deep), 0..14).prop_map(|members| {
        let members: Vec<_> = members.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let separator = if members.is_empty() { "" } else { "," };
        format!("{{\"eventID\":\"e\"{separator}{}}}", members.join(","))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn made_events_come_back_exactly(event in odd_event()) {
        let (rows, rejected) = rebuilt(format!("{{\"Records\":[{event}]}}").as_bytes());
        prop_assert_eq!(rejected, 0);
        prop_assert_eq!(rows.len(), 1);
        prop_assert!(equal(&rows[0], &event), "row    {}", rows[0]);
        prop_assert!(same_json(&rows[0], &event));
    }

    #[test]
    fn windows_of_any_size_give_the_same_rows(events in proptest::collection::vec(odd_event(), 1..5), step in 1usize..200) {
        let text = format!("\u{FEFF}{{\"a\":1}}\n{{ \"Records\" : [ {} ], \"b\":[1] }}\n[{}]", events.join(" , "), events.join(","));
        let (whole, _) = rebuilt(text.as_bytes());
        let mut decoder = Decoder::new();
        decoder.begin("file");
        let (mut start, mut end) = (0, 0);
        while end < text.len() {
            end = (end + step).min(text.len());
            start += decoder.feed(&text.as_bytes()[start..end], end == text.len()).unwrap();
        }
        decoder.end();
        let mut rows = Vec::new();
        for batch in decoder.finish().unwrap() {
            rows.extend(event_json(&batch.rows).unwrap().iter().map(|event| event.unwrap().to_owned()));
        }
        prop_assert_eq!(rows.len(), 2 * events.len());
        prop_assert_eq!(rows, whole);
    }
}
