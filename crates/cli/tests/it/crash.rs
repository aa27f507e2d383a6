//! All or nothing: the process is killed again and again, and the lake ends up like one that was never disturbed.

use std::process::Stdio;

use crate::support::{Place, kill_after, records};

/// Kills before the ingest is left alone.
const KILLS: u64 = 25;

/// Log files with overlapping events, so that deduplication has to hold across the crashes too.
fn fill(place: &Place) {
    for file in 0..60 {
        place.log(&format!("{file:03}.json"), records(file * 40, 60));
    }
}

/// A number below `bound` that looks random and is the same in every run of the tests.
pub(crate) fn scattered(round: u64, bound: u64) -> u64 {
    (round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17) % bound
}

#[test]
fn killing_the_process_anywhere_loses_and_doubles_nothing() {
    let (clean, hit) = (Place::new(), Place::new());
    fill(&clean);
    fill(&hit);
    clean.ingest();
    for round in 0..KILLS {
        let mut command = hit.trailql();
        command.args(["ingest", "--quiet", "--batch-bytes", "40000", "logs"]);
        kill_after(&mut command, 20 + scattered(round, 400));
        if hit.path("lake/_delta_log").is_dir() && hit.path("lake/_delta_log/00000000000000000000.json").exists() {
            let rows = hit.rows();
            let whole = clean.rows();
            assert!(rows.iter().all(|row| whole.binary_search(row).is_ok()), "a row that no event stands for");
            assert!(rows.windows(2).all(|pair| pair[0] != pair[1]), "a row twice");
        }
    }
    hit.ingest();
    assert_eq!(hit.rows(), clean.rows());
    assert_eq!(hit.ingest()["kept"], 0);
}

#[test]
fn two_processes_at_once_make_the_same_lake_as_one() {
    let (clean, shared) = (Place::new(), Place::new());
    fill(&clean);
    fill(&shared);
    clean.ingest();
    let start = || {
        let mut command = shared.trailql();
        command.args(["ingest", "--json", "--quiet", "--batch-bytes", "200000", "logs"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children = [start(), start(), start()];
    let mut kept = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let account: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        kept += account["kept"].as_u64().unwrap();
    }
    assert_eq!(kept as usize, clean.rows().len());
    assert_eq!(shared.rows(), clean.rows());
}

#[cfg(unix)]
#[test]
fn a_full_disk_fails_clearly_and_the_next_run_finishes() {
    let place = Place::new();
    place.log("first.json", records(10_000, 1));
    place.ingest();
    let before = place.rows();
    fill(&place);
    // A limit on file size stands in for the full disk: writing fails in the middle of a file either way.
    let binary = env!("CARGO_BIN_EXE_trailql");
    let script = format!("trap '' XFSZ; ulimit -f 8; exec '{binary}' ingest --quiet logs");
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path(""))
        .env("TRAILQL_LAKE", place.path("lake"))
        .output()
        .unwrap();
    let (code, message) = crate::support::outcome(&output);
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("writing"), "{message}");
    assert_eq!(place.rows(), before, "the lake reads as before");
    assert_eq!(place.ingest()["kept"].as_u64().unwrap(), 60 * 40 + 20);
    assert_eq!(place.rows().len(), 1 + 60 * 40 + 20);
}
