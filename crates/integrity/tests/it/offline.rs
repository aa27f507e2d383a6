//! Proofs without AWS: no signatures but the successors', exported evidence, remembered proofs, many accounts.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tempfile::TempDir;
use trailql_integrity::{
    Conclusion, IntegrityError, KeyRing, KeySource, PUBLIC_KEYS, ProvedLogs, PublicKey, Source, Subject,
    ValidateOptions, Verdict,
};

use crate::maker::{BUCKET, SigningKey, Trail, World, gunzip, gzip, hour};
use crate::runner::{Run, in_memory, on_disk, range, run, run_with};
use crate::stage::{Stage, backfill, bucket_changed};

async fn plain_run(world: &World) -> Run {
    run(in_memory(world).await, &[SigningKey::first().public], range(hour(0), hour(6))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_metadata_signatures_come_from_the_successors() {
    let stage = Stage::plain();
    let folder = TempDir::new().unwrap();
    stage.world.write(folder.path(), false);
    // The bucket's name is taken from the digests.
    let source = Source::folder(&folder.path().join(BUCKET), None).await.unwrap();
    let run = run(source, &stage.keys, range(stage.since, stage.until)).await.unwrap();
    let newest = ["d5 no_signature", "l5.0 digest_unchecked", "l5.1 digest_unchecked"];
    assert_eq!(run.complaints(&stage.names), newest);
    let by_successor = run.findings.iter().filter(|finding| finding.verdict == Verdict::ValidBySuccessor).count();
    assert_eq!(by_successor, 5, "all but the newest");
    assert_eq!(run.report.conclusion(), Conclusion::Unchecked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_chain_without_metadata_is_proved_by_its_successors_too() {
    let stage = backfill();
    let folder = TempDir::new().unwrap();
    stage.world.write(folder.path(), false);
    let source = Source::folder(&folder.path().join(BUCKET), None).await.unwrap();
    let run = run(source, &stage.keys, range(stage.since, stage.until)).await.unwrap();
    let backfilled: Vec<_> = run.complaints(&stage.names).into_iter().filter(|found| found.starts_with('b')).collect();
    assert_eq!(backfilled, ["bd3 no_signature", "bl3.0 digest_unchecked", "bl3.1 digest_unchecked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_digest_is_found_by_its_successors_copy_of_the_signature() {
    let mut stage = Stage::plain();
    let key = stage.key("d3");
    let object = stage.world.get(&key);
    let changed = String::from_utf8(gunzip(&object.bytes)).unwrap().replace("\"SHA-256\"", "\"SHA-257\"");
    object.bytes = gzip(changed.as_bytes(), 6);
    let folder = TempDir::new().unwrap();
    stage.world.write(folder.path(), false);
    let source = Source::folder(&folder.path().join(BUCKET), None).await.unwrap();
    let run = run(source, &stage.keys, range(stage.since, stage.until)).await.unwrap();
    assert!(run.complaints(&stage.names).contains(&"d3 signature_failed".to_owned()));
    assert_eq!(run.report.conclusion(), Conclusion::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_time_proves_nothing_even_if_it_is_at_hand() {
    let mut world = World::default();
    // With the key whose time ended at hour 200.
    Trail::new("main").deliver(&mut world, 250..252, 1);
    let keys = KeyRing::new(None);
    keys.add([SigningKey::first().public]);
    let found = run_with(in_memory(&world).await, Arc::new(keys), range(hour(250), hour(252))).await.unwrap();
    let refused = found.findings.iter().filter(|finding| finding.verdict.code() == "key_not_valid_then").count();
    assert_eq!((refused, found.report.conclusion()), (2, Conclusion::Invalid));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_cannot_be_fetched_leave_things_unchecked() {
    #[derive(Debug)]
    struct Unreachable;
    #[async_trait::async_trait]
    impl KeySource for Unreachable {
        async fn list(
            &self,
            _region: &str,
            _start: DateTime<Utc>,
            _end: DateTime<Utc>,
        ) -> Result<Vec<PublicKey>, Box<dyn std::error::Error + Send + Sync>> {
            Err("no network".into())
        }
    }
    let stage = Stage::plain();
    let keys = Arc::new(KeyRing::new(Some(Arc::new(Unreachable))));
    let found = run_with(in_memory(&stage.world).await, keys, range(stage.since, stage.until)).await.unwrap();
    assert_eq!(found.report.conclusion(), Conclusion::Unchecked);
    assert_eq!((found.report.total().digests.unchecked, found.report.total().log_files.unchecked), (6, 12));
}

#[tokio::test(flavor = "multi_thread")]
async fn exported_evidence_is_a_proof_of_its_own() {
    let stage = Stage::plain();
    let folder = TempDir::new().unwrap();
    let evidence = folder.path().join("evidence");
    let options = ValidateOptions { export: Some(evidence.clone()), ..range(stage.since, stage.until) };
    let first = run(in_memory(&stage.world).await, &stage.keys, options).await.unwrap();
    assert_eq!(first.report.conclusion(), Conclusion::Valid);

    let mut sums = std::process::Command::new("sha256sum");
    if let Ok(output) = sums.args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&evidence).output() {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let second = validate_evidence(&evidence).await;
    assert_eq!(second.report.conclusion(), Conclusion::Valid, "{:?}", second.report.findings);
    assert_eq!(second.report.total().log_files, first.report.total().log_files);

    let log = evidence.join(BUCKET).join(stage.key("l2.0"));
    std::fs::write(&log, gzip(b"{\"Records\":[]}", 6)).unwrap();
    assert_eq!(validate_evidence(&evidence).await.complaints(&stage.names), ["l2.0 hash_mismatch"]);
}

async fn validate_evidence(evidence: &Path) -> Run {
    let source = Source::folder(evidence, None).await.unwrap();
    let (since, until) = source.manifest().map(|manifest| (manifest.since.unwrap(), manifest.until)).unwrap();
    let keys = KeyRing::new(None);
    keys.add_file(&evidence.join(PUBLIC_KEYS)).unwrap();
    run_with(source, Arc::new(keys), range(since, until)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_two_buckets_counts_every_file_once() {
    let stage = bucket_changed();
    let folder = TempDir::new().unwrap();
    let evidence = folder.path().join("evidence");
    let options = ValidateOptions { export: Some(evidence.clone()), ..range(stage.since, stage.until) };
    run(in_memory(&stage.world).await, &stage.keys, options).await.unwrap();
    let found = validate_evidence(&evidence).await;
    assert_eq!(found.complaints(&stage.names), ["d2 chain_ends"]);
    let total = found.report.total();
    assert_eq!((total.digests.valid, total.log_files.valid), (6, 12));

    std::fs::remove_file(evidence.join("former-bucket").join(stage.key("d2"))).unwrap();
    let found = validate_evidence(&evidence).await.complaints(&stage.names);
    assert_eq!(found, ["d1 chain_ends", "d2 not_found", "l2.0 awaits_digest", "l2.1 awaits_digest"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_that_was_changed_is_followed_and_counted_once() {
    let mut world = World::default();
    let mut trail = Trail::new("main");
    trail.prefix = "old/".to_owned();
    trail.deliver(&mut world, 0..3, 2);
    trail.prefix = "new/".to_owned();
    trail.deliver(&mut world, 3..6, 2);
    let found = plain_run(&world).await;
    assert_eq!(found.report.conclusion(), Conclusion::Valid, "{:?}", found.report.findings);
    assert_eq!((found.report.total().digests.valid, found.report.chains.len()), (6, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_not_mixed_with_other_files() {
    let stage = Stage::plain();
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("notes"), "mine").unwrap();
    let options = ValidateOptions { export: Some(folder.path().to_owned()), ..range(stage.since, stage.until) };
    let outcome = run(in_memory(&stage.world).await, &stage.keys, options).await;
    assert!(matches!(outcome, Err(IntegrityError::File { action: "write", .. })));
}

/// Validates a copy on disk, remembering in `folder`.
async fn remembering(bucket: &Path, folder: &Path, secret: &str, stage: &Stage) -> Run {
    let proved = ProvedLogs::open(&folder.join("state"), &folder.join(secret)).unwrap();
    let options = ValidateOptions { proved: Some(Arc::new(proved)), ..range(stage.since, stage.until) };
    run(Source::folder(bucket, Some(BUCKET)).await.unwrap(), &stage.keys, options).await.unwrap()
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_proved_is_not_read_again_until_it_is_written() {
    let stage = Stage::plain();
    let folder = TempDir::new().unwrap();
    drop(on_disk(&stage.world, folder.path()).await);
    let bucket = folder.path().join(BUCKET);
    let remembered = async |secret| remembering(&bucket, folder.path(), secret, &stage).await.report;
    assert_eq!(remembered("secret").await.total().proved_before, 0);
    let second = remembered("secret").await;
    assert_eq!((second.total().proved_before, second.total().log_files.valid), (12, 12));

    // Another content of the same length, with the time of modification put back.
    let log = bucket.join(stage.key("l2.0"));
    let (mut bytes, modified) = (std::fs::read(&log).unwrap(), log.metadata().unwrap().modified().unwrap());
    let checksum = bytes.len() - 6;
    bytes[checksum] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    std::fs::File::options().write(true).open(&log).unwrap().set_modified(modified).unwrap();
    let third = remembered("secret").await;
    assert_eq!((third.total().proved_before, third.conclusion()), (11, Conclusion::Invalid));

    // A state made with a secret of one's own counts for nothing.
    assert_eq!(remembered("forged").await.total().proved_before, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_does_not_hide_what_is_missing_or_what_digests_say_now() {
    let mut stage = Stage::plain();
    let folder = TempDir::new().unwrap();
    drop(on_disk(&stage.world, folder.path()).await);
    let bucket = folder.path().join(BUCKET);
    remembering(&bucket, folder.path(), "secret", &stage).await;
    std::fs::remove_file(bucket.join(stage.key("l2.0"))).unwrap();
    let digest = stage.key("d4");
    stage.world.get(&digest).metadata.signature = Some("00".repeat(256));
    stage.world.delete(&stage.key("l2.0"));
    stage.world.write(folder.path(), true);
    let run = remembering(&bucket, folder.path(), "secret", &stage).await;
    let found = run.complaints(&stage.names);
    assert_eq!(found, ["d4 signature_failed", "l2.0 not_found", "l4.0 not_covered", "l4.1 not_covered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_accounts_and_regions_of_an_organisation_in_one_run() {
    let mut world = World::default();
    for account in ["111122223333", "444455556666", "777788889999"] {
        for region in ["us-east-1", "eu-west-1"] {
            let mut trail = Trail::new("all");
            (trail.account, trail.region) = (account.to_owned(), region.to_owned());
            trail.organization = "o-example/".to_owned();
            trail.deliver(&mut world, 0..6, 2);
        }
    }
    let run = plain_run(&world).await;
    let chains = run.report.chains.keys().filter(|chain| chain.organization.as_deref() == Some("o-example")).count();
    assert_eq!(chains, 6);
    assert_eq!(run.report.conclusion(), Conclusion::Valid, "{:?}", run.report.findings);
    let total = run.report.total();
    assert_eq!((total.digests.valid, total.log_files.valid), (36, 72));
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_what_is_looked_at() {
    let mut world = World::default();
    for region in ["us-east-1", "eu-west-1"] {
        let mut trail = Trail::new("all");
        trail.region = region.to_owned();
        trail.deliver(&mut world, 0..6, 2);
    }
    let mut options = range(hour(0), hour(6));
    options.filters.regions = vec!["eu-west-1".to_owned()];
    let keys = [SigningKey::first().public];
    let found = run(in_memory(&world).await, &keys, options).await.unwrap();
    assert_eq!(found.report.chains.keys().map(|chain| chain.region.as_str()).collect::<Vec<_>>(), ["eu-west-1"]);
    let mut options = range(hour(0), hour(6));
    options.filters.accounts = vec!["999999999999".to_owned()];
    let nothing = run(in_memory(&world).await, &keys, options).await;
    assert!(matches!(nothing, Err(IntegrityError::NothingToCheck { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_below_aws_logs_is_a_source_too() {
    let stage = Stage::plain();
    let folder = TempDir::new().unwrap();
    drop(on_disk(&stage.world, folder.path()).await);
    for below in ["AWSLogs", "AWSLogs/111122223333", "AWSLogs/111122223333/CloudTrail/us-east-1"] {
        let source = Source::folder(&folder.path().join(BUCKET).join(below), None).await.unwrap();
        let run = run(source, &stage.keys, range(stage.since, stage.until)).await.unwrap();
        assert_eq!(run.complaints(&stage.names), [""; 0], "{below}");
        assert_eq!(run.report.total().log_files.valid, 12);
    }
    let other = TempDir::new().unwrap();
    assert!(matches!(Source::folder(other.path(), None).await, Err(IntegrityError::NoTrail { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_are_large_are_hashed_in_pieces() {
    let mut world = World::default();
    let mut trail = Trail::new("main");
    let mut state = 1u32;
    let content: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(17 << 20)
    .collect();
    let key = trail.log_key(0, 0);
    world.put(BUCKET, &key, gzip(&content, 0), Default::default());
    trail.digest(&mut world, 0, &[(key.clone(), content)], |_| {});
    assert_eq!(plain_run(&world).await.report.conclusion(), Conclusion::Valid);
    world.get(&key).bytes.push(0);
    let run = plain_run(&world).await;
    assert!(run.findings.iter().any(|f| f.subject == Subject::LogFile && f.verdict == Verdict::TrailingData));
}
