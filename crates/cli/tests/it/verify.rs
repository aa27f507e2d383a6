//! `ingest --verify` and `validate --record`: only what digests prove gets into the lake, and the lake says so.

use std::process::{Command, Output};

use serde_json::Value;
use trailql_integrity::{Metadata, write_keys};

use crate::follow::{Follower, wait_for};
use crate::s3_server::{Bucket, on_each_server};
use crate::support::{Place, outcome, text};
use crate::validate::maker::{BUCKET, SigningKey, Trail, World, gzip};

/// Reads no user's keys, and asks nobody for any.
const KEYS: [&str; 3] = ["--offline", "--public-keys", "keys.json"];

/// A copy of a bucket of six hours with two log files each, of five events each.
struct Stage {
    place: Place,
    world: World,
    trail: Trail,
}

impl Stage {
    fn new() -> Self {
        let (mut world, mut trail) = (World::default(), Trail::new("main"));
        trail.deliver(&mut world, 0..6, 2);
        let stage = Self { place: Place::new(), world, trail };
        std::fs::write(stage.place.path("keys.json"), write_keys(&[SigningKey::first().public])).unwrap();
        stage
    }

    fn write(&self) {
        let _ = std::fs::remove_dir_all(self.place.path(BUCKET));
        self.world.write(&self.place.path(""), true);
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.place.trailql();
        command.args(args).env("XDG_DATA_HOME", self.place.path("data")).env_remove("AWS_ENDPOINT_URL");
        command
    }

    fn ingest(&self) -> Output {
        self.command(&[&["ingest", "--verify", "--json", BUCKET][..], &KEYS].concat()).output().unwrap()
    }

    fn record(&self) -> Output {
        self.command(&[&["validate", "--record", BUCKET][..], &KEYS].concat()).output().unwrap()
    }

    /// The answer as CSV, without its header.
    fn ask(&self, query: &str) -> String {
        let output = self.command(&["sql", "--format", "csv", "-c", query]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).replace("\r\n", "\n").split_once('\n').unwrap().1.to_owned()
    }

    /// Exit code of the controls about integrity.
    fn controls(&self, more: &[&str]) -> Option<i32> {
        let asserting = ["assert", "--quiet", "integrity_not_proved", "integrity_violated"];
        self.command(&[&asserting[..], more].concat()).output().unwrap().status.code()
    }

    fn states(&self) -> String {
        self.ask("SELECT state, count(*) FROM cloudtrail_integrity GROUP BY 1 ORDER BY 1")
    }
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
}

#[test]
fn a_valid_bucket_is_taken_whole_and_every_event_has_its_proof() {
    let stage = Stage::new();
    stage.write();
    let output = stage.ingest();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!((&json(&output)["kept"], &json(&output)["verified"]["proved"]), (&60.into(), &12.into()));
    assert!(text(&output.stderr).contains("proofs  12 files proved\n"), "{}", text(&output.stderr));
    let proved = "SELECT count(*), count(DISTINCT i.digest), min(i.trail) FROM cloudtrail_logs AS l \
                  JOIN cloudtrail_integrity AS i ON i.sourcefile = l.sourcefile WHERE i.state = 'proved'";
    assert_eq!(stage.ask(proved), "60,6,arn:aws:cloudtrail:us-east-1:111122223333:trail/main\n");
    let digests =
        "SELECT verdict, count(*), sum(logfiles), min(starttime), max(endtime) FROM cloudtrail_digests GROUP BY 1";
    assert_eq!(stage.ask(digests), "valid,6,12,2024-03-01T00:00:00Z,2024-03-01T06:00:00Z\n");
    assert_eq!(stage.controls(&[]), Some(0));
    assert_eq!(stage.controls(&["--raw", BUCKET]), Some(1), "nothing is known about files in place");
    let again = stage.ingest();
    assert_eq!((again.status.code(), &json(&again)["files"]["known"]), (Some(0), &12.into()));
}

#[test]
fn what_is_not_proved_stays_out_until_it_is() {
    let mut stage = Stage::new();
    let (whole, altered) = (stage.world.clone(), stage.trail.log_key(3, 0));
    let forged = text(&stage.trail.log_content(3, 0)).replace("ListBuckets", "DeleteBucket");
    stage.world.get(&altered).bytes = gzip(forged.as_bytes(), 6);
    stage.world.get(&stage.trail.log_key(4, 1)).bytes.extend(b"more");
    // Added afterwards; delivered just now; from a time without digests.
    for (hour, n) in [(2, 40), (5, 45), (10, 0)] {
        stage.trail.log(&mut stage.world, hour, n);
    }
    stage.write();
    let output = stage.ingest();
    let (code, message) = outcome(&output);
    assert_eq!(code, 1, "{message}");
    for (key, reason) in [
        (altered.as_str(), "is not taken: hash value doesn't match (digest s3://trail-bucket/AWSLogs/"),
        (&stage.trail.log_key(4, 1), "is not taken: unexpected data after end of compressed stream (digest"),
        (&stage.trail.log_key(2, 40), "is left out: mentioned by no digest, though valid digests cover its time"),
        (&stage.trail.log_key(10, 0), "is left out: no valid digest covers its time"),
    ] {
        assert!(message.contains(&format!("{key} {reason}")), "{message}");
    }
    assert!(!message.contains(&stage.trail.log_key(5, 45)), "waiting is no failure: {message}");
    let said = "proofs  10 files proved, 1 waiting for their digest, 1 not mentioned by any digest, 1 not checked\n";
    assert!(message.contains(said), "{message}");
    let summary = json(&output);
    let files = &summary["files"];
    assert_eq!((&files["found"], &files["read"], &files["left_out"]), (&27.into(), &10.into(), &3.into()));
    assert_eq!((&files["failed"], &files["digests"]), (&2.into(), &12.into()), "signatures lie beside digests");
    assert_eq!(stage.ask("SELECT count(*), count(DISTINCT sourcefile) FROM cloudtrail_logs"), "50,10\n");
    assert_eq!(stage.states(), "failed,2\nno_digest_yet,1\nnot_checked,1\nnot_mentioned,1\nproved,10\n");

    // The files come back as they were, and the next digest comes.
    stage.world = whole;
    let late = stage.trail.log(&mut stage.world, 5, 45);
    stage.trail.digest(&mut stage.world, 6, &[late], |_| {});
    stage.write();
    let output = stage.ingest();
    assert_eq!(outcome(&output).0, 0, "{}", text(&output.stderr));
    assert_eq!(
        (&json(&output)["kept"], &json(&output)["duplicates"]),
        (&15.into(), &50.into()),
        "written anew, all are read again"
    );
    let unproved = "SELECT count(*) FROM cloudtrail_logs WHERE sourcefile NOT IN \
                    (SELECT sourcefile FROM cloudtrail_integrity WHERE state = 'proved')";
    assert_eq!(stage.ask(unproved), "0\n");
}

#[test]
fn a_bad_digest_proves_nothing_and_is_named() {
    let mut stage = Stage::new();
    let key = stage.trail.digest_key(2);
    stage.world.get(&key).metadata.signature = Some("00".repeat(256));
    stage.write();
    let output = stage.ingest();
    let (code, message) = outcome(&output);
    assert_eq!((code, &json(&output)["kept"]), (1, &50.into()), "{message}");
    assert!(message.contains(&format!("{key} signature verification failed")), "{message}");
    assert_eq!(
        stage.ask("SELECT verdict, reason, count(*) FROM cloudtrail_digests GROUP BY 1, 2 ORDER BY 1"),
        "invalid,signature verification failed,1\nvalid,,5\n"
    );
}

#[test]
fn waiting_alone_is_no_failure_and_a_dry_run_writes_nothing() {
    let mut stage = Stage::new();
    stage.trail.log(&mut stage.world, 5, 45);
    stage.write();
    let dry = stage.command(&[&["ingest", "--verify", "--json", "--dry-run", BUCKET][..], &KEYS].concat());
    let output = { dry }.output().unwrap();
    assert_eq!((output.status.code(), &json(&output)["verified"]["proved"]), (Some(0), &12.into()));
    assert!(!stage.place.path("lake").exists());
    let output = stage.ingest();
    assert_eq!((output.status.code(), &json(&output)["verified"]["awaiting_digest"]), (Some(0), &1.into()));
    let part = format!("{BUCKET}/AWSLogs/*/CloudTrail/us-east-1/2024/03/01/*_20240301T03*");
    let output =
        stage.command(&[&["ingest", "--verify", "--lake", "part", "--json", &part][..], &KEYS].concat()).output();
    assert_eq!(
        json(&output.unwrap())["verified"]["proved"],
        2,
        "digests are found beside the files that are asked for"
    );
}

#[test]
fn a_recorded_validation_says_which_events_are_proved() {
    let mut stage = Stage::new();
    stage.write();
    let plain = |stage: &Stage| stage.command(&["ingest", BUCKET]).output().unwrap().status.code();
    assert_eq!(plain(&stage), Some(0));
    assert_eq!(stage.states(), "", "nothing was recorded");
    assert_eq!(stage.controls(&[]), Some(1));
    assert_eq!(stage.record().status.code(), Some(0));
    assert_eq!(stage.controls(&[]), Some(0));
    stage.world.delete(&stage.trail.log_key(1, 1));
    stage.trail.log(&mut stage.world, 2, 40);
    let altered = stage.trail.log_key(3, 0);
    let (genuine, forged) = (stage.world.get(&altered).bytes.clone(), gzip(b"{\"Records\":[]}", 6));
    stage.world.get(&altered).bytes.clone_from(&forged);
    // What was not touched keeps its time of modification, by which the ledger knows it.
    let bucket = stage.place.path(BUCKET);
    std::fs::remove_file(bucket.join(stage.trail.log_key(1, 1))).unwrap();
    std::fs::write(bucket.join(&altered), &forged).unwrap();
    let added = stage.trail.log_key(2, 40);
    std::fs::write(bucket.join(&added), &stage.world.get(&added).bytes).unwrap();
    let output = stage.record();
    assert_eq!(outcome(&output).0, 1, "{}", text(&output.stderr));
    assert_eq!(stage.states(), "failed,1\nmissing,1\nnot_mentioned,1\nproved,10\n");
    assert_eq!(stage.controls(&[]), Some(1));

    // The altered file is ingested, and then put right: what the lake has of it is still not proved.
    assert_eq!(plain(&stage), Some(0));
    std::fs::write(bucket.join(&altered), &genuine).unwrap();
    stage.record();
    let query = format!("SELECT state, reason FROM cloudtrail_integrity WHERE sourcefile LIKE '%{altered}'");
    assert_eq!(
        stage.ask(&query),
        "not_checked,\"events of another version of this file are in the lake, and that one was not proved\"\n"
    );
    let who = "SELECT DISTINCT checkedby FROM cloudtrail_integrity WHERE checked IS NOT NULL";
    assert_eq!(stage.ask(who), "validate\n");
}

#[test]
fn an_ingest_without_check_shows_beside_one_with() {
    let mut stage = Stage::new();
    stage.write();
    assert_eq!(stage.ingest().status.code(), Some(0));
    stage.trail.deliver(&mut stage.world, 6..7, 1);
    let late = stage.trail.log_key(6, 0);
    let path = stage.place.path(BUCKET).join(&late);
    std::fs::write(&path, &stage.world.get(&late).bytes).unwrap();
    assert_eq!(stage.command(&["ingest", BUCKET]).output().unwrap().status.code(), Some(0));
    assert_eq!(stage.states(), "not_checked,1\nproved,12\n");
    let reason = stage.ask("SELECT reason FROM cloudtrail_integrity WHERE state = 'not_checked'");
    assert!(reason.contains("ingested without a check"), "{reason}");
}

#[test]
fn what_has_no_digests_is_refused() {
    let stage = Stage::new();
    stage.write();
    std::fs::create_dir(stage.place.path("plain")).unwrap();
    std::fs::write(stage.place.path("plain/a.json"), r#"{"Records":[]}"#).unwrap();
    let queue = ["--follow", "--sqs", "https://sqs.us-east-1.amazonaws.com/111122223333/q", BUCKET];
    for (args, reason) in [
        (&["-"][..], "cannot prove standard input"),
        (&["--from", "lookup-events"], "cannot prove the event history"),
        (&queue, "cannot prove what a queue announces"),
    ] {
        let output = stage.command(&[&["ingest", "--verify"], args, &KEYS].concat()).output().unwrap();
        let (code, message) = outcome(&output);
        assert!(code == 2 && message.contains(reason), "{code} {message}");
    }
    let (code, message) =
        outcome(&stage.command(&[&["ingest", "--verify", "plain"][..], &KEYS].concat()).output().unwrap());
    assert!(code == 1 && message.contains("a.json is left out: it does not lie where"), "{code} {message}");
    let keyless = stage.command(&["ingest", "--verify", "--offline", BUCKET]).output().unwrap();
    assert!(outcome(&keyless).1.contains("no public keys"));
    std::fs::remove_dir_all(stage.place.path("lake")).unwrap();
    let no_lake = stage.record();
    assert_eq!(outcome(&no_lake).0, 2, "{}", text(&no_lake.stderr));
}

#[test]
fn a_follower_takes_files_when_their_digest_comes() {
    let mut stage = Stage::new();
    let late = stage.trail.log(&mut stage.world, 5, 45);
    stage.write();
    let follower = Follower::start(stage.command(&[]), &[&["--verify", BUCKET][..], &KEYS].concat());
    let proved = || {
        let query = "SELECT count(*) FROM cloudtrail_integrity WHERE state = 'proved'";
        let output = stage.command(&["sql", "--format", "csv", "-c", query]).output().unwrap();
        text(&output.stdout).lines().nth(1).and_then(|line| line.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    wait_for("the files that were there", || proved() == 12);
    let mut world = stage.world.clone();
    let mut trail = Trail::new("main");
    trail.deliver(&mut World::default(), 0..6, 2);
    trail.digest(&mut world, 6, &[late], |_| {});
    world.write(&stage.place.path(""), true);
    wait_for("the file whose digest came", || proved() == 13);
    let (code, events, message) = follower.stop();
    assert_eq!(code, 0, "{message}");
    assert_eq!(events.iter().filter_map(|event| event["kept"].as_u64()).sum::<u64>(), 65);
}

/// Puts everything where the metadata is kept beside it.
fn upload(bucket: &Bucket, world: &World) {
    for ((_, key), object) in &world.objects {
        let Metadata { signature, signature_algorithm, .. } = &object.metadata;
        let metadata: Vec<(&str, &str)> =
            [("signature", signature.as_deref()), ("signature-algorithm", signature_algorithm.as_deref())]
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect();
        bucket.put_with(key, &metadata, &object.bytes);
    }
}

on_each_server!(a_bucket_is_validated_recorded_and_taken);

fn a_bucket_is_validated_recorded_and_taken(bucket: Bucket) {
    let (mut world, mut trail) = (World::default(), Trail::new("main"));
    trail.bucket.clone_from(&bucket.name);
    trail.deliver(&mut world, 0..6, 2);
    upload(&bucket, &world);
    let place = Place::new();
    std::fs::write(place.path("keys.json"), write_keys(&[SigningKey::first().public])).unwrap();
    let run = |args: &[&str]| {
        let mut command = place.trailql_on(&bucket);
        command.env("XDG_DATA_HOME", place.path("data")).args(args).output().unwrap()
    };
    let source = bucket.url("");
    let output = run(&[&["validate", &source, "--until", "2024-03-01T06:00:00Z"][..], &KEYS].concat());
    assert_eq!(outcome(&output), (0, String::new()));
    assert!(
        text(&output.stdout).contains("6/6 digest files valid\n12/12 log files valid\n"),
        "{}",
        text(&output.stdout)
    );

    // Ingested first and validated afterwards: the object is known by its tag.
    assert_eq!(outcome(&run(&["ingest", "--quiet", &source])).0, 0);
    assert_eq!(outcome(&run(&[&["validate", "--record", "--quiet", &source][..], &KEYS].concat())).0, 0);
    let query =
        "SELECT state, count(*) AS n FROM cloudtrail_logs JOIN cloudtrail_integrity USING (sourcefile) GROUP BY 1";
    let states = |lake: &str| text(&run(&["--lake", lake, "sql", "--format", "tsv", "-c", query]).stdout);
    assert_eq!(states("lake"), "state\tn\nproved\t60\n");

    // Verified while it is ingested, with one object altered.
    bucket.put(&trail.log_key(3, 0), gzip(b"{\"Records\":[]}", 6));
    let ingest = ["--lake", "verified", "ingest", "--verify", "--json", "--quiet", &source];
    let output = run(&[&ingest[..], &KEYS].concat());
    let (code, message) = outcome(&output);
    assert_eq!((code, &json(&output)["verified"]["proved"]), (1, &11.into()), "{message}");
    assert!(message.contains(&format!("{} is not taken: hash value doesn't match", bucket.url(&trail.log_key(3, 0)))));
    assert_eq!(states("verified"), "state\tn\nproved\t55\n");
    let output = run(&[&["validate", &source, "--json"][..], &KEYS].concat());
    assert_eq!((output.status.code(), &json(&output)["findings"][0]["code"]), (Some(1), &"hash_mismatch".into()));
}
