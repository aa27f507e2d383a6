//! Every bundled file does what its manifest says, alone and among all the others.

use std::collections::HashSet;

use crate::support::{Place, testdata};

struct Line {
    file: String,
    distinct: u64,
    rejected: u64,
    outcome: String,
}

fn manifest() -> Vec<Line> {
    let text = std::fs::read_to_string(testdata().join("made/MANIFEST.tsv")).unwrap();
    let line = |line: &str| {
        let parts: Vec<&str> = line.split('\t').collect();
        Line {
            file: parts[0].to_owned(),
            distinct: parts[2].parse().unwrap(),
            rejected: parts[3].parse().unwrap(),
            outcome: parts[4].to_owned(),
        }
    };
    text.lines().skip(1).map(line).collect()
}

#[tokio::test]
async fn every_made_file_does_what_its_manifest_says() {
    for line in manifest() {
        let place = Place::new();
        let path = testdata().join("made").join(&line.file);
        let summary = place.ingest(&[path.to_str().unwrap()]).await;
        let what = format!("{}: {summary:?}", line.file);
        assert_eq!(summary.kept, line.distinct, "{what}");
        assert_eq!(place.events().await.len() as u64, line.distinct, "{what}");
        match line.outcome.as_str() {
            "read" => {
                assert!(summary.failed.is_empty(), "{what}");
                assert_eq!(summary.rejected - summary.conflicts, line.rejected, "{what}");
            }
            "digest" => assert_eq!((summary.files.digests, summary.read, summary.is_clean()), (1, 0, true), "{what}"),
            _ => {
                assert!(!summary.is_clean(), "{what}");
                assert!(!place.rejected(&summary).is_empty(), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn bad_files_do_not_keep_good_ones_from_the_lake() {
    let place = Place::new();
    let folder = testdata().join("made");
    let summary = place.ingest(&[folder.to_str().unwrap()]).await;
    assert!(!summary.is_clean());
    let bad: HashSet<String> =
        manifest().into_iter().filter(|line| line.outcome.contains("failed")).map(|line| line.file).collect();
    for failed in &summary.failed {
        assert!(bad.iter().any(|file| failed.file.ends_with(file)), "{failed:?} should have been read");
        assert!(!failed.reason.is_empty());
    }
    let again = place.ingest(&[folder.to_str().unwrap()]).await;
    assert_eq!(again.kept, 0, "{again:?}");
    assert_eq!(again.files.failed, summary.files.failed, "failed files are tried again");
}
