use bytes::Bytes;
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::{ObjectStoreExt, PutPayload};
use parquet::bloom_filter::Sbbf;

use super::*;

/// A data file of one row group whose first column holds `value`.
fn file(number: usize, value: &str) -> NewFile {
    let mut filter = Sbbf::new_with_num_of_bytes(64);
    filter.insert(value);
    let mut bytes = Vec::new();
    filter.write(&mut bytes).expect("memory");
    let mut blooms = std::array::from_fn(|_| None);
    blooms[0] = Some(Bytes::from(bytes));
    NewFile {
        path: Path::from(format!("region=a/date=b/part-{number}.parquet")),
        size_bytes: 1,
        region: "a".to_owned(),
        date: None,
        stats: "{}".to_owned(),
        blooms: vec![blooms],
    }
}

fn paths(files: &[NewFile]) -> HashSet<Path> {
    files.iter().map(|file| file.path.clone()).collect()
}

fn empty() -> BloomIndex {
    BloomIndex::parse(None, Arc::new(InMemory::new()))
}

/// The data files whose filter has `value`, and how many are known.
async fn search(index: &BloomIndex, value: &str) -> (Vec<String>, usize) {
    let mut files: Vec<FileBlooms> = index.read(Arc::clone(&index.store), vec![0]).concat().await;
    let known = files.len();
    files.retain(|file| {
        let filter = Sbbf::from_bytes(file.row_groups[0][0].as_ref().expect("it has one")).expect("readable");
        filter.check(value)
    });
    (files.into_iter().map(|file| file.path.to_string()).collect(), known)
}

/// The index after one commit for each of `files`.
async fn committed(files: &[NewFile]) -> BloomIndex {
    let mut index = empty();
    for number in 0..files.len() {
        let live = paths(&files[..=number]);
        let change = index.append(&files[number..=number], &live, false).await.expect("written").expect("changed");
        change.settle().await;
        index = BloomIndex::parse(Some(&change.next.manifest()), change.next.store.clone());
    }
    index
}

#[tokio::test]
async fn finds_each_file_after_any_number_of_merges() {
    let files: Vec<NewFile> = (0..40).map(|number| file(number, &format!("value {number}"))).collect();
    let index = committed(&files).await;
    assert!(index.segment_count() < MERGE_AT_SEGMENTS, "{}", index.segment_count());
    for number in [0, 7, 8, 39] {
        let (found, known) = search(&index, &format!("value {number}")).await;
        assert_eq!(known, 40);
        assert!(found.contains(&files[number].path.to_string()), "{number}: {found:?}");
        assert!(found.len() < 5, "{found:?}");
    }
    let stored = index.store.list(None).try_collect::<Vec<_>>().await.expect("listed");
    assert_eq!(stored.len(), index.segment_count(), "what was merged is deleted");
}

#[tokio::test]
async fn a_rewrite_drops_what_is_about_files_that_left() {
    let files: Vec<NewFile> = (0..5).map(|number| file(number, "old")).collect();
    let index = committed(&files).await;
    let new = [file(9, "new")];
    let live: HashSet<Path> = [files[4].path.clone(), new[0].path.clone()].into();
    let change = index.append(&new, &live, true).await.expect("written").expect("changed");
    change.settle().await;
    let (found, known) = search(&change.next, "old").await;
    assert_eq!((found, known), (vec![files[4].path.to_string()], 2));
    let stored = index.store.list(None).try_collect::<Vec<_>>().await.expect("listed");
    assert_eq!(stored.len(), 2, "the kept file's segment and the new one");
}

#[tokio::test]
async fn a_refused_commit_leaves_the_index_as_it_was() {
    let files: Vec<NewFile> = (0..MERGE_AT_SEGMENTS - 1).map(|number| file(number, "x")).collect();
    let index = committed(&files).await;
    let late = [file(99, "y")];
    let change = index.append(&late, &paths(&files), false).await.expect("written").expect("changed");
    change.undo().await;
    assert_eq!(search(&index, "x").await.1, files.len());
}

#[tokio::test]
async fn a_segment_that_is_gone_or_damaged_is_left_out() {
    let index = committed(&[file(0, "a"), file(1, "b"), file(2, "c")]).await;
    let paths: Vec<Path> = index.paths().collect();
    index.store.delete(&paths[0]).await.expect("deleted");
    let bytes = index.store.get(&paths[1]).await.expect("there").bytes().await.expect("read");
    index.store.put(&paths[1], PutPayload::from(bytes.slice(..100))).await.expect("cut");
    assert_eq!(search(&index, "c").await.1, 1);
}

#[test]
fn tiers_merge_when_they_are_full_and_within_bounds() {
    let small: Vec<Segment> = (0..MERGE_AT_SEGMENTS).map(|_| segment::tests::sized(1000)).collect();
    assert_eq!(to_merge(&small[1..], 1000).len(), MERGE_AT_SEGMENTS - 1);
    assert_eq!(to_merge(&small[2..], 1000).len(), 0);
    let large: Vec<Segment> = (0..20).map(|_| segment::tests::sized(TIERS[2] - 1)).collect();
    assert_eq!(to_merge(&large, 1000).len(), 1, "no more than fits into memory");
    let done: Vec<Segment> = (0..20).map(|_| segment::tests::sized(TIERS[2])).collect();
    assert!(to_merge(&done, 1000).is_empty());
}
