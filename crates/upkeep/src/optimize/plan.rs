//! Which files to merge: the policy, apart from how it is done.

use std::collections::BTreeMap;

use trailql_lake::{DataFile, Snapshot};

/// Rows of a merged file at the most: their order is kept in memory, some 60 bytes for each.
const MAX_ROWS: u64 = 2_000_000;

/// Files merged at once at the most: the footer of each is kept in memory, up to 100 kB.
const MAX_FILES: usize = 1000;

/// Share of the target that is worth rewriting for one file less.
///
/// A file costs a query some requests, whatever its size; rewriting costs by the byte. So a file of a quarter of the
/// target is good enough, small files that trickle into a partition are merged with each other first, and a large
/// file is written again only when enough has come together beside it.
const BYTES_PER_SAVED_FILE: u64 = 4;

/// Data files of one partition that become one file.
#[derive(Debug, Clone)]
pub(crate) struct Compaction {
    pub(crate) region: String,
    /// By path, so that the same files always give the same file.
    pub(crate) files: Vec<DataFile>,
}

impl Compaction {
    pub(crate) fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }

    pub(crate) fn row_count(&self) -> u64 {
        self.files.iter().filter_map(|file| file.row_count).sum()
    }

    /// Partition value of `date`.
    pub(crate) fn date(&self) -> Option<String> {
        Some(self.files.first()?.day()?.to_string())
    }

    /// The partition as people read it.
    pub(crate) fn partition(&self) -> String {
        format!("region={} date={}", self.region, self.date().as_deref().unwrap_or("unknown"))
    }
}

/// Finds the files worth merging, towards files of `target_bytes`; the compactions with most to do come first.
pub(crate) fn plan(snapshot: &Snapshot, target_bytes: u64) -> Vec<Compaction> {
    let mut partitions: BTreeMap<(&str, Option<i32>), Vec<&DataFile>> = BTreeMap::new();
    for file in &snapshot.files {
        if let Some(region) = file.region.as_deref() {
            partitions.entry((region, file.date)).or_default().push(file);
        }
    }
    let mut compactions = Vec::new();
    for ((region, _), mut files) in partitions {
        files.sort_by(|a, b| (a.size_bytes, &a.path).cmp(&(b.size_bytes, &b.path)));
        let mut rest = files.as_slice();
        while let Some((bin, after)) =
            rest.split_at_checked(worth_merging(rest, target_bytes)).filter(|(b, _)| !b.is_empty())
        {
            let mut files: Vec<DataFile> = bin.iter().map(|file| (*file).clone()).collect();
            files.sort_by(|a, b| a.path.cmp(&b.path));
            compactions.push(Compaction { region: region.to_owned(), files });
            rest = after;
        }
    }
    compactions.sort_by_key(|compaction| std::cmp::Reverse(compaction.size_bytes()));
    compactions
}

/// How many of the files, smallest first, make a file that is worth its rewriting; none if no number does.
fn worth_merging(files: &[&DataFile], target_bytes: u64) -> usize {
    let (mut bytes, mut rows, mut best) = (0, 0, 0);
    for (saved, file) in files.iter().take(MAX_FILES).enumerate() {
        bytes += file.size_bytes;
        rows += file.row_count.unwrap_or_default();
        if bytes > target_bytes || rows > MAX_ROWS {
            break;
        }
        if saved > 0 && bytes <= saved as u64 * (target_bytes / BYTES_PER_SAVED_FILE) {
            best = saved + 1;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TARGET: u64 = 1000;

    fn file(number: usize, size_bytes: u64) -> DataFile {
        DataFile {
            path: format!("{number:05}").as_str().into(),
            size_bytes,
            modified_millis: 0,
            row_count: Some(size_bytes),
            region: Some("us-east-1".to_owned()),
            date: Some(19_783),
            stats: None,
        }
    }

    fn snapshot(sizes: &[u64]) -> Snapshot {
        Snapshot { version: 1, files: sizes.iter().enumerate().map(|(number, size)| file(number, *size)).collect() }
    }

    /// Sizes of the files of each compaction.
    fn planned(sizes: &[u64]) -> Vec<Vec<u64>> {
        let compactions = plan(&snapshot(sizes), TARGET);
        let sizes = |compaction: Compaction| {
            let mut sizes: Vec<_> = compaction.files.iter().map(|file| file.size_bytes).collect();
            sizes.sort_unstable();
            sizes
        };
        compactions.into_iter().map(sizes).collect()
    }

    #[test]
    fn merges_small_files_and_leaves_large_ones() {
        assert_eq!(planned(&[10, 20, 30, 900]), [[10, 20, 30]]);
        assert_eq!(planned(&[10; 50]), [[10; 50]]);
        assert_eq!(planned(&[400, 400, 400]), [[0; 0]; 0]);
        assert_eq!(planned(&[700]), [[0; 0]; 0]);
        assert_eq!(planned(&[]), [[0; 0]; 0]);
    }

    #[test]
    fn a_large_file_is_rewritten_only_when_enough_came_together_beside_it() {
        assert_eq!(planned(&[600, 10]), [[0; 0]; 0]);
        assert_eq!(planned(&[600, 10, 10]), [[10, 10]]);
        assert_eq!(planned(&[600, 10, 10, 10]), [[10, 10, 10, 600]]);
    }

    #[test]
    fn no_file_grows_beyond_the_target() {
        assert_eq!(planned(&[200; 12]), [[200; 5], [200; 5]]);
    }

    #[test]
    fn partitions_stay_apart() {
        let mut snapshot = snapshot(&[10, 10, 10, 10]);
        snapshot.files[0].date = None;
        snapshot.files[1].region = Some("eu-west-1".to_owned());
        let compactions = plan(&snapshot, TARGET);
        assert_eq!(compactions.len(), 1);
        assert_eq!(compactions[0].partition(), "region=us-east-1 date=2024-03-01");
    }

    proptest! {
        /// Merged files are planned anew until nothing is left; few passes are enough, and each saves files.
        #[test]
        fn comes_to_an_end(mut sizes in prop::collection::vec(1u64..1500, 0..400), shrink in 50u64..=100) {
            let mut passes = 0;
            loop {
                let compactions = plan(&snapshot(&sizes), TARGET);
                if compactions.is_empty() {
                    break;
                }
                passes += 1;
                prop_assert!(passes <= super::super::MAX_PASSES);
                for compaction in compactions {
                    prop_assert!(compaction.files.len() > 1 && compaction.size_bytes() <= TARGET);
                    for file in &compaction.files {
                        let at = sizes.iter().position(|size| *size == file.size_bytes).expect("a planned file exists");
                        sizes.swap_remove(at);
                    }
                    sizes.push((compaction.size_bytes() * shrink / 100).max(1));
                }
            }
        }
    }
}
