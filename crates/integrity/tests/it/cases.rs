//! Every kind of tampering is found, in memory and on disk alike.

use crate::runner::{in_memory, on_disk, range, run};
use crate::tampering::CASES;

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_tampering_is_found_in_a_bucket() {
    for case in CASES {
        let stage = (case.make)();
        let run = run(in_memory(&stage.world).await, &stage.keys, range(stage.since, stage.until)).await;
        let run = run.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(run.complaints(&stage.names), case.found, "{}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_tampering_is_found_in_a_copy_on_disk() {
    // The copy is of one bucket.
    for case in CASES.iter().filter(|case| case.name != "bucket changed") {
        let stage = (case.make)();
        let folder = tempfile::tempdir().unwrap();
        let run = run(on_disk(&stage.world, folder.path()).await, &stage.keys, range(stage.since, stage.until)).await;
        let run = run.unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(run.complaints(&stage.names), case.found, "{}", case.name);
    }
}
