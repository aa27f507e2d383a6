//! How fast decoded events become committed Parquet: the bundled real log files into a fresh lake.

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use trailql_ingest::{IngestOptions, Progress, ingest};
use trailql_store::Stores;

fn bundled_files(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/real");
    let options = IngestOptions::new(vec![source.to_string_lossy().into_owned()]);
    let run = || {
        let folder = tempfile::tempdir().expect("a folder");
        let lake = folder.path().to_string_lossy().into_owned();
        runtime.block_on(ingest(&Stores::default(), &lake, &options, Progress::new())).expect("ingested").kept
    };
    let mut group = c.benchmark_group("ingest");
    group.throughput(Throughput::Elements(run()));
    group.sample_size(20);
    group.bench_function("bundled files", |b| b.iter(run));
    group.finish();
}

criterion_group!(benches, bundled_files);
criterion_main!(benches);
