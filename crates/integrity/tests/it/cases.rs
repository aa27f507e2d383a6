//! Every kind of tampering is found, in memory and on disk alike.

use tempfile::TempDir;
use trailql_integrity::Source;

use crate::runner::{in_memory, on_disk, range, run};
use crate::stage::Stage;
use crate::tampering::{CASES, Case};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_tampering_is_found_in_a_bucket() {
    let mut wrong = Vec::new();
    for case in CASES {
        let stage = (case.make)();
        wrong.extend(difference(case, &stage, in_memory(&stage.world).await).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_tampering_is_found_in_a_copy_on_disk() {
    let mut wrong = Vec::new();
    // The copy is of one bucket.
    for case in CASES.iter().filter(|case| case.name != "bucket changed") {
        let stage = (case.make)();
        let folder = TempDir::new().unwrap();
        wrong.extend(difference(case, &stage, on_disk(&stage.world, folder.path()).await).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn difference(case: &Case, stage: &Stage, source: Source) -> Option<String> {
    let found = match run(source, &stage.keys, range(stage.since, stage.until)).await {
        Ok(run) => run.complaints(&stage.names),
        Err(error) => vec![error.to_string()],
    };
    (found != case.found).then(|| format!("{}:\n  found    {found:?}\n  expected {:?}", case.name, case.found))
}
