//! How fast log files become batches of events, and events JSON again.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use arrow::array::Array;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use trailql_event::{Decoder, event_json};

/// JSON of the bundled real log files, as one `Records` file of about 16 MiB.
fn records() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/real");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let mut decoder = Decoder::new();
    for file in files {
        let bytes = std::fs::read(&file).expect("testdata is readable");
        decoder.decode("bench", &bytes).1.ok();
    }
    let mut out = b"{\"Records\":[".to_vec();
    let batches = decoder.finish().expect("testdata decodes");
    while out.len() < 16 << 20 {
        for batch in &batches {
            for event in event_json(&batch.rows).expect("batches rebuild").iter().flatten() {
                out.extend_from_slice(event.as_bytes());
                out.push(b',');
            }
        }
    }
    out.pop();
    out.extend_from_slice(b"]}");
    out
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

fn decode(c: &mut Criterion) {
    let json = records();
    let mut group = c.benchmark_group("decoder");
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.sample_size(20);
    group.bench_function("decode", |b| {
        b.iter(|| {
            let mut decoder = Decoder::new();
            decoder.decode("bench", black_box(&json)).1.expect("valid JSON");
            decoder.finish().expect("valid batches").len()
        });
    });
    let mut decoder = Decoder::new();
    decoder.decode("bench", &json).1.expect("valid JSON");
    let batches = decoder.finish().expect("valid batches");
    group.bench_function("event_json", |b| {
        b.iter(|| {
            batches.iter().map(|batch| event_json(black_box(&batch.rows)).expect("rebuilds").len()).sum::<usize>()
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
