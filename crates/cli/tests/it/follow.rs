//! `ingest --follow`, as a process that is fed and stopped.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::crash::scattered;
use crate::s3_server::{Bucket, bucket_or_skip, on_each_server};
use crate::support::{Place, records, text};

/// Longest wait for the follower; generous, as test machines are slow.
const DEADLINE: Duration = Duration::from_secs(120);

/// A running follower, killed when the test fails.
pub(crate) struct Follower(Child);

impl Follower {
    pub(crate) fn start(mut command: Command, arguments: &[&str]) -> Self {
        let command = command.args(["ingest", "--follow", "--interval", "1s", "--json"]).args(arguments);
        Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Asks the follower to end, as a service manager does; returns exit code, events and messages.
    pub(crate) fn stop(mut self) -> (i32, Vec<Value>, String) {
        let status = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        assert!(status.success());
        let mut out = String::new();
        std::io::Read::read_to_string(self.0.stdout.as_mut().unwrap(), &mut out).unwrap();
        let mut err = String::new();
        std::io::Read::read_to_string(self.0.stderr.as_mut().unwrap(), &mut err).unwrap();
        let code = self.0.wait().unwrap().code().unwrap_or(-1);
        (code, out.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), err)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something is so.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Number of events in the lake of a place; 0 before there is one.
fn count(mut command: Command) -> usize {
    let query = "SELECT count(*) AS n FROM cloudtrail_logs";
    let output = command.args(["sql", "--format", "csv", "-c", query]).output().unwrap();
    text(&output.stdout).lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap_or(0)
}

#[test]
fn takes_what_arrives_until_it_is_stopped() {
    let place = Place::new();
    place.log("0.json", records(0, 10));
    let follower = Follower::start(place.trailql(), &["logs"]);
    wait_for("the files that were there", || count(place.trailql()) == 10);
    place.log("1.json", records(5, 10));
    wait_for("a new file", || count(place.trailql()) == 15);
    place.log("damaged.json.gz", b"\x1f\x8b\x08\x00\x00\x00");
    place.log("2.json", records(15, 1));
    wait_for("a file beside a damaged one", || count(place.trailql()) == 16);
    let (code, events, message) = follower.stop();
    assert_eq!(code, 1, "a file could not be read: {message}");
    assert!(events.iter().all(|event| event["event"] == "ingested"), "{events:?}");
    let sum = |name: &str| events.iter().filter_map(|event| event[name].as_u64()).sum::<u64>();
    assert_eq!((sum("read"), sum("kept"), sum("duplicates")), (21, 16, 5));
    assert!(events.iter().any(|event| event["latency"]["longest_seconds"].as_f64() > Some(0.0)));
    let failed = events.iter().filter_map(|event| event["failed"].as_array()).flatten().count();
    assert_eq!(failed, 1, "the damaged file is put off, and named once: {events:?}");
}

#[test]
fn an_empty_folder_is_waited_for_and_a_wrong_one_is_not() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("logs")).unwrap();
    let follower = Follower::start(place.trailql(), &["logs"]);
    wait_for("the lake", || place.path("lake/_delta_log").is_dir());
    place.log("0.json", records(0, 3));
    wait_for("the first file", || count(place.trailql()) == 3);
    assert_eq!(follower.stop().0, 0);
    let output = place.trailql().args(["ingest", "--follow", "nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}

#[test]
fn small_files_are_merged_on_the_way() {
    let place = Place::new();
    std::fs::write(place.path("trailql.toml"), "[upkeep]\noptimize_every = '1s'\n").unwrap();
    let follower = Follower::start(place.trailql(), &["logs"]);
    for n in 0..8 {
        place.log(&format!("{n}.json"), records(n * 40, 40));
        wait_for("a commit", || count(place.trailql()) == (n + 1) * 40);
    }
    let merged = || {
        let history = place.trailql().args(["lake", "history", "--json"]).output().unwrap();
        text(&history.stdout).to_lowercase().contains("optimize")
    };
    wait_for("a compaction", merged);
    let (code, events, message) = follower.stop();
    assert_eq!(code, 0, "{message}");
    assert!(
        events.iter().any(|event| event["event"] == "upkept" && event["optimize"]["files_removed"].as_u64() > Some(1))
    );
    assert_eq!(count(place.trailql()), 320);
}

/// One call of SQS's JSON protocol.
fn sqs(bucket: &Bucket, action: &str, body: &Value) -> Value {
    let target = format!("AmazonSQS.{action}");
    let headers = [
        ("x-amz-target", target.as_str()),
        ("content-type", "application/x-amz-json-1.0"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=key/20240101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0",
        ),
    ];
    let answer = bucket.call("/", &headers, body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{action}: {}", text(&answer.body));
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

#[test]
fn a_queue_announces_objects_and_keeps_what_is_not_done() {
    let bucket = bucket_or_skip!(moto);
    let queue = sqs(&bucket, "CreateQueue", &json!({"QueueName": format!("queue-{}", bucket.name)}));
    let queue = queue["QueueUrl"].as_str().unwrap().to_owned();
    let send = |body: String| sqs(&bucket, "SendMessage", &json!({"QueueUrl": queue, "MessageBody": body}));
    let key = |n: usize| format!("AWSLogs/111122223333/CloudTrail/us-east-1/2024/03/01/{n}.json");
    let announced = |n: usize| {
        let record = json!({"eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": bucket.name}, "object": {"key": key(n)}}});
        json!({"Records": [record]}).to_string()
    };
    bucket.put(&key(0), records(0, 10));
    let place = Place::new();
    let source = bucket.url("AWSLogs/");
    let follower = Follower::start(place.trailql_on(&bucket), &["--sqs", &queue, &source]);
    wait_for("what was there before", || count(place.trailql()) == 10);

    bucket.put(&key(1), records(10, 10));
    bucket.put(&key(2), records(20, 10));
    bucket.put(&key(3), records(30, 10));
    send(json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": bucket.name}).to_string());
    send("poison".to_owned());
    send(announced(1));
    send(announced(1));
    let trail = json!({"s3Bucket": bucket.name, "s3ObjectKey": [key(2)]}).to_string();
    send(json!({"Type": "Notification", "Message": trail}).to_string());
    send(
        json!({"detail-type": "Object Created",
        "detail": {"bucket": {"name": bucket.name}, "object": {"key": key(3)}}})
        .to_string(),
    );
    send(announced(404));
    wait_for("what was announced", || count(place.trailql()) == 40);
    let aside = place.path("lake/_rejected/queue");
    wait_for("the poison message to be put aside", || aside.is_dir());
    // What was done is deleted; the message about an object that is not there is hidden until it comes again.
    let left = || {
        let asked = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
        let attributes = sqs(&bucket, "GetQueueAttributes", &asked)["Attributes"].clone();
        let number = |name: &str| attributes[name].as_str().unwrap_or("0").parse::<u64>().unwrap();
        (number("ApproximateNumberOfMessages"), number("ApproximateNumberOfMessagesNotVisible"))
    };
    wait_for("the queue to be emptied", || left() == (0, 1));
    let (code, events, message) = follower.stop();
    assert_eq!(code, 1, "a message was put aside: {message}");
    let aside: Vec<_> = events.iter().filter(|event| event["event"] == "put_aside").collect();
    assert_eq!(aside.len(), 1, "{events:?}");
    assert!(aside[0]["reason"].as_str().unwrap().contains("not JSON"));
}

/// Log files in keys as CloudTrail names them, the oldest `days` - 1 days late, in no order; each comes under two names.
fn deliveries(days: u64, files: usize) -> Vec<(String, String)> {
    let delivery = |n: usize| {
        let day = chrono::Utc::now().date_naive() - chrono::Days::new(n as u64 % days);
        let event = |id: usize| {
            format!(
                r#"{{"eventVersion":"1.08","eventID":"{id}","eventTime":"{day}T10:00:00Z","awsRegion":"eu-west-1","eventName":"Call","requestParameters":{{"n":{id}}}}}"#
            )
        };
        let events: Vec<String> = (n * 10..n * 10 + 10).map(event).collect();
        let content = format!("{{\"Records\":[{}]}}", events.join(","));
        let folder = format!("AWSLogs/111122223333/CloudTrail/eu-west-1/{}", day.format("%Y/%m/%d"));
        ["first", "second"].map(|trail| (format!("{folder}/{n}-{trail}.json"), content.clone()))
    };
    let mut all: Vec<_> = (0..files).flat_map(delivery).collect();
    all.sort_by_key(|(key, _)| key.bytes().fold(7_u64, |hash, byte| scattered(hash ^ u64::from(byte), 1 << 40)));
    all
}

/// What a lake holds after all deliveries were ingested at once.
fn ingested_at_once(deliveries: &[(String, String)]) -> Vec<String> {
    let place = Place::new();
    for (key, content) in deliveries {
        place.log(key, content);
    }
    place.ingest();
    place.rows()
}

/// Checks that a follower read every delivery, and kept each event once, as it was.
fn assert_nothing_lost_or_doubled(follower: Follower, place: &Place, deliveries: &[(String, String)]) {
    let (code, events, message) = follower.stop();
    assert_eq!(code, 0, "{message}");
    let sum = |name: &str| events.iter().filter_map(|event| event[name].as_u64()).sum::<u64>() as usize;
    let delivered = 10 * deliveries.len();
    assert_eq!((sum("read"), sum("kept"), sum("duplicates")), (delivered, delivered / 2, delivered / 2));
    assert_eq!(place.rows(), ingested_at_once(deliveries));
}

on_each_server!(what_comes_twice_late_and_in_no_order_is_listed_and_kept_once);

fn what_comes_twice_late_and_in_no_order_is_listed_and_kept_once(bucket: Bucket) {
    let (place, source) = (Place::new(), bucket.url("AWSLogs/"));
    // What is a week late is listed in every tenth pass.
    let all = deliveries(7, 120);
    std::fs::write(place.path("trailql.toml"), "[upkeep]\noptimize_every = '5s'\n").unwrap();
    let follower = Follower::start(place.trailql_on(&bucket), &[&source]);
    for (key, content) in &all {
        bucket.put(key, content);
    }
    let known = || {
        let args = ["ingest", "--json", "-q", "--dry-run", &source];
        let output = place.trailql_on(&bucket).args(args).output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["files"]["known"].as_u64()
    };
    wait_for("all deliveries", || known() == Some(all.len() as u64));
    assert_nothing_lost_or_doubled(follower, &place, &all);
}

#[test]
fn what_a_queue_tells_twice_late_and_in_no_order_is_kept_once() {
    let bucket = bucket_or_skip!(moto);
    let queue = sqs(&bucket, "CreateQueue", &json!({"QueueName": format!("late-{}", bucket.name)}));
    let queue = queue["QueueUrl"].as_str().unwrap().to_owned();
    let all = deliveries(31, 120);
    let (place, source) = (Place::new(), bucket.url("AWSLogs/"));
    let follower = Follower::start(place.trailql_on(&bucket), &["--sqs", &queue, &source]);
    wait_for("the lake", || place.path("lake/_delta_log").is_dir());
    for (key, content) in &all {
        bucket.put(key, content);
    }
    // Each is told at once, and again at the end in another order.
    for (key, _) in all.iter().chain(all.iter().rev()) {
        let record = json!({"eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": bucket.name}, "object": {"key": key}}});
        let body = json!({"Records": [record]}).to_string();
        sqs(&bucket, "SendMessage", &json!({"QueueUrl": queue, "MessageBody": body}));
    }
    let asked = json!({"QueueUrl": queue, "AttributeNames": ["All"]});
    wait_for("the queue to be emptied", || {
        let attributes = sqs(&bucket, "GetQueueAttributes", &asked)["Attributes"].clone();
        attributes["ApproximateNumberOfMessages"] == "0" && attributes["ApproximateNumberOfMessagesNotVisible"] == "0"
    });
    assert_nothing_lost_or_doubled(follower, &place, &all);
}
