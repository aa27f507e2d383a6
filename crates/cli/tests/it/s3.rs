//! Sources and lakes in buckets, against a real S3 server.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::crash::scattered;
use crate::fault_proxy::{Fault, FaultProxy};
use crate::s3_server::{Bucket, KMS_KEY, Server, bucket_or_skip, on_each_server};
use crate::signature::Credentials;
use crate::support::{Place, kill_after, outcome, records, text, wide_records};

/// A trail of two accounts, two regions and three days, with what else lies in such a bucket.
pub(crate) fn trail(place: &Place, root: &str) {
    let mut number = 0;
    for account in ["111111111111", "222222222222"] {
        for region in ["us-east-1", "eu-west-1"] {
            for day in 1..=3 {
                let folder = format!("{root}AWSLogs/{account}/CloudTrail/{region}/2024/03/{day:02}");
                for part in 0..2 {
                    let name = format!("{folder}/{account}_CloudTrail_{region}_202403{day:02}T1000Z_{part}.json");
                    place.log(&name, records_of(account, region, day, number * 10, 15));
                    number += 1;
                }
            }
        }
    }
}

/// Events of one account, region and day; numbers of neighbouring files overlap.
fn records_of(account: &str, region: &str, day: usize, first: usize, count: usize) -> String {
    let event = |n: usize| {
        format!(
            r#"{{"eventVersion":"1.08","eventID":"{account}-{region}-{day}-{n}","eventTime":"2024-03-{day:02}T10:00:{:02}Z","awsRegion":"{region}","eventName":"Call{}","recipientAccountId":"{account}","requestParameters":{{"n":{n}}},"responseElements":null}}"#,
            n % 60,
            n % 7
        )
    };
    format!("{{\"Records\":[{}]}}", (first..first + count).map(event).collect::<Vec<_>>().join(","))
}

pub(crate) fn account(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)))
}

pub(crate) fn ingest(place: &Place, bucket: &Bucket, args: &[&str]) -> Value {
    account(place.trailql_on(bucket).args(["ingest", "--json", "--quiet"]).args(args))
}

/// Rows of a lake as `region date event`, sorted; the source file's name aside.
pub(crate) fn rows(place: &Place, bucket: &Bucket, lake: &str) -> Vec<String> {
    let query = "SELECT region, date, eventjson FROM cloudtrail_logs";
    let output =
        place.trailql_on(bucket).args(["--lake", lake, "sql", "--format", "jsonl", "-c", query]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut rows: Vec<String> = text(&output.stdout).lines().map(str::to_owned).collect();
    rows.sort();
    rows
}

on_each_server!(
    a_bucket_makes_the_same_lake_as_a_folder,
    a_lake_in_a_bucket_is_a_lake,
    what_is_written_is_encrypted_as_asked,
    all_sources_in_a_bucket_are_understood,
    filters_narrow_what_is_listed_and_not_what_is_found,
    a_long_listing_is_cut_into_pieces_and_whole,
    raw_queries_read_buckets,
    two_writers_on_one_bucket_make_the_same_lake_as_one,
    killing_the_process_anywhere_loses_and_doubles_nothing,
    large_objects_are_written_in_parts,
    what_a_query_asked_of_the_bucket_is_told,
    a_cache_saves_requests_and_may_be_deleted,
    trouble_is_named_with_what_to_do,
);

fn a_bucket_makes_the_same_lake_as_a_folder(bucket: Bucket) {
    let (local, remote) = (Place::new(), Place::new());
    trail(&local, "");
    bucket.put_logs(&local, "");
    let expected = local.ingest();
    let got = ingest(&remote, &bucket, &[&bucket.url("")]);
    assert_eq!((&got["kept"], &got["duplicates"]), (&expected["kept"], &expected["duplicates"]));
    assert_eq!(remote.rows(), local.rows());
    let query = "SELECT DISTINCT sourcefile AS f FROM cloudtrail_logs ORDER BY 1 LIMIT 1";
    let output = remote.trailql().args(["sql", "--format", "csv", "-c", query]).output().unwrap();
    assert!(text(&output.stdout).contains(&bucket.url("AWSLogs/111111111111/CloudTrail/")), "{}", text(&output.stdout));
    let again = ingest(&remote, &bucket, &[&bucket.url("")]);
    assert_eq!((&again["read"], &again["files"]["known"]), (&Value::from(0), &again["files"]["found"]));
}

fn a_lake_in_a_bucket_is_a_lake(bucket: Bucket) {
    let place = Place::new();
    trail(&place, "");
    place.log("broken.json", "{");
    let local = place.ingest();
    let lake = bucket.url("lakes/one");
    let remote = ingest(&place, &bucket, &["--lake", &lake, "logs"]);
    assert_eq!(remote["kept"], local["kept"]);
    assert_eq!(rows(&place, &bucket, &lake), place.rows());
    assert_eq!(bucket.keys("lakes/one/_rejected/").len(), 1);
    let again = ingest(&place, &bucket, &["--lake", &lake, "logs"]);
    assert_eq!((again["read"].as_u64(), again["files"]["known"].as_u64()), (Some(0), Some(24)));
    let info = account(place.trailql_on(&bucket).args(["--lake", &lake, "lake", "info", "--json"]));
    assert_eq!(info["events"], local["kept"]);
    assert_eq!(info["location"], format!("{lake}/"));
}

fn what_is_written_is_encrypted_as_asked(bucket: Bucket) {
    let place = Place::new();
    place.log("a.json", records(0, 20));
    place.log("broken.json", "{");
    let args = ["--s3-sse", "aws:kms", "--s3-sse-kms-key-id", KMS_KEY];
    let mut command = place.trailql_on(&bucket);
    command.args(["--lake", &bucket.url("lake"), "ingest", "-q", "logs"]).args(args);
    assert_eq!(command.output().unwrap().status.code(), Some(1));
    let keys = bucket.keys("lake/");
    assert!(keys.len() > 5, "{keys:?}");
    for key in keys {
        let head = bucket.request("HEAD", &key, b"").head;
        assert!(head.contains("x-amz-server-side-encryption: aws:kms"), "{key}: {head}");
        // MinIO makes an ARN of it.
        let id = head.split("x-amz-server-side-encryption-aws-kms-key-id: ").nth(1).unwrap_or_default();
        assert!(id.lines().next().is_some_and(|id| id.ends_with(KMS_KEY)), "{key}: {head}");
    }
    let output = place.trailql_on(&bucket).args(["--s3-sse-kms-key-id", "x", "lake", "info"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "a key without its kind");
}

fn all_sources_in_a_bucket_are_understood(bucket: Bucket) {
    let account_folder = "p/AWSLogs/o-abc/111111111111";
    let day = "us-east-1/2024/03/01";
    for (n, kind) in ["CloudTrail", "CloudTrail-Insight", "CloudTrail-NetworkActivity", "CloudTrail-Aggregated"]
        .into_iter()
        .enumerate()
    {
        bucket.put(&format!("{account_folder}/{kind}/{day}/f.json"), records(n * 10, 10));
    }
    bucket.put(&format!("{account_folder}/CloudTrail-Digest/{day}/d.json"), "{}");
    bucket.put(&format!("{account_folder}/Config/{day}/c.json"), "{}");
    bucket.put("p/AWSLogs/", "");
    bucket.put(&format!("{account_folder}/CloudTrail/{day}/"), "");
    bucket.put("notes.txt", "not a log");
    bucket.put("odd name/it's + 100%/ü.json", records(40, 10));
    bucket.put("odd name/.hidden.json", records(50, 10));
    let kept = |source: &str| {
        let account = ingest(&Place::new(), &bucket, &[&bucket.url(source), "--dry-run"]);
        assert_eq!(account["failed"].as_array().map(Vec::len), Some(0), "{account}");
        account["kept"].as_u64().unwrap()
    };
    for (source, events) in [
        ("", 50),
        ("p", 40),
        ("p/AWSLogs/", 40),
        ("p/AWSLogs/o-abc/111111111111/CloudTrail", 20),
        ("p/AWSLogs/o-abc/111111111111/CloudTrail/", 10),
        (&format!("{account_folder}/CloudTrail/{day}/f.json"), 10),
        ("p/AWSLogs/*/*/CloudTrail/us-*/2024/03/0[1-3]/*.json", 10),
        ("p/AWSLogs/o-*/*/*/us-east-1/2024", 40),
        ("p/**/f.json", 40),
        ("odd name/*/*.json", 10),
        ("notes.txt", 0),
    ] {
        if source == "notes.txt" {
            let account = ingest(&Place::new(), &bucket, &[&bucket.url(source), "--dry-run"]);
            assert_eq!(account["files"]["failed"], 1, "a named file is read whatever its name");
        } else if source.ends_with("/CloudTrail") {
            // What begins like the name is not the folder of that name.
            assert_eq!(kept(source), 10);
        } else {
            assert_eq!(kept(source), events, "{source}");
        }
    }
    let account = ingest(&Place::new(), &bucket, &[&bucket.url("p"), "--dry-run"]);
    assert_eq!(account["files"]["ignored"], 2, "the digests and the other service's logs");
}

fn filters_narrow_what_is_listed_and_not_what_is_found(bucket: Bucket) {
    let place = Place::new();
    trail(&place, "");
    bucket.put_logs(&place, "");
    let proxy = FaultProxy::start(bucket.address, |_| Fault::None);
    let near = bucket.through(proxy.address);
    let listed = |args: &[&str]| {
        let before = proxy.seen().len();
        let source = bucket.url("");
        let remote = ingest(&Place::new(), &near, &[&[source.as_str(), "--dry-run"], args].concat());
        let local = account(place.trailql().args(["ingest", "--json", "-q", "logs", "--dry-run"]).args(args));
        assert_eq!(remote["kept"], local["kept"], "{args:?}");
        proxy.seen()[before..].iter().filter(|seen| seen.is_list()).count()
    };
    let all = listed(&[]);
    // Root, AWSLogs, two accounts, two kinds, four regions.
    assert_eq!(all, 10);
    assert_eq!(listed(&["--account", "111111111111", "--since", "2016-01-02"]), 6);
    assert_eq!(listed(&["--region", "eu-west-1"]), 8);
    assert_eq!(listed(&["--region", "us-east-1", "--since", "2022-01-02"]), 8);
    assert_eq!(listed(&["--region", "us-east-1"]), 10, "global events of old may lie in other regions' folders");
    assert_eq!(listed(&["--since", "2024-03-02"]), 10);
    let future = ingest(&Place::new(), &near, &[&bucket.url(""), "--dry-run", "--since", "2030-01-01"]);
    assert_eq!((future["files"]["found"].as_u64(), future["read"].as_u64()), (Some(0), Some(0)));
}

fn a_long_listing_is_cut_into_pieces_and_whole(bucket: Bucket) {
    let folder = "AWSLogs/111111111111/CloudTrail/us-east-1/2024";
    let put = |part: usize| {
        for n in (part * 1100)..((part + 1) * 1100) {
            // Names that are listed and counted, and not read.
            bucket.put(&format!("{folder}/{:02}/{:02}/{n:05}.txt", n % 3 + 1, n % 28 + 1), "x");
        }
    };
    std::thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || put(part));
        }
    });
    bucket.put("log.json", records(0, 1));
    let found = |args: &[&str]| {
        let source = bucket.url("");
        ingest(&Place::new(), &bucket, &[&[source.as_str(), "--dry-run"], args].concat())["files"]["ignored"].as_u64()
    };
    let day = |n: &usize| (n % 3 + 1, n % 28 + 1);
    assert_eq!(found(&[]), Some(4400));
    // From a day before to 31 days behind, which is how late CloudTrail delivers.
    let expected = (0..4400).filter(|n| day(n) >= (1, 27)).count() as u64;
    assert_eq!(found(&["--since", "2024-01-28"]), Some(expected));
    let expected = (0..4400).filter(|n| day(n) <= (2, 3)).count() as u64;
    assert_eq!(found(&["--until", "2024-01-03"]), Some(expected));
}

fn raw_queries_read_buckets(bucket: Bucket) {
    let place = Place::new();
    trail(&place, "");
    bucket.put_logs(&place, "");
    let query = "SELECT count(*) AS n, count(DISTINCT eventid) AS d, min(sourcefile) AS f FROM cloudtrail_raw";
    let output = place.trailql_on(&bucket).args(["sql", "--raw", &bucket.url(""), "-c", query]).output().unwrap();
    let first = bucket.url("AWSLogs/111111111111/CloudTrail/eu-west-1/2024/03/01/");
    let answer = text(&output.stdout);
    assert!(answer.contains("360,300,") && answer.contains(&first), "{answer}{}", text(&output.stderr));
    let query = "SELECT eventname FROM cloudtrail_raw LIMIT 1";
    let output = place.trailql_on(&bucket).args(["sql", "--raw", &bucket.url(""), "-c", query]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

fn two_writers_on_one_bucket_make_the_same_lake_as_one(bucket: Bucket) {
    let (place, clean) = (Place::new(), Place::new());
    for file in 0..30 {
        place.log(&format!("{file:03}.json"), wide_records(file * 40, 60, 2000));
        clean.log(&format!("{file:03}.json"), wide_records(file * 40, 60, 2000));
    }
    clean.ingest();
    let lake = bucket.url("lake");
    let start = || {
        let mut command = place.trailql_on(&bucket);
        command.args(["--lake", &lake, "ingest", "--json", "-q", "--batch-bytes", "100000", "logs"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut kept = 0;
    for child in [start(), start()] {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        kept += serde_json::from_slice::<Value>(&output.stdout).unwrap()["kept"].as_u64().unwrap();
    }
    assert_eq!(kept as usize, clean.rows().len());
    assert_eq!(rows(&place, &bucket, &lake), clean.rows());
}

fn killing_the_process_anywhere_loses_and_doubles_nothing(bucket: Bucket) {
    let (clean, place) = (Place::new(), Place::new());
    for file in 0..30 {
        // Large enough that a run makes several commits.
        clean.log(&format!("{file:03}.json"), wide_records(file * 40, 60, 2000));
    }
    clean.ingest();
    bucket.put_logs(&clean, "logs/");
    let whole = clean.rows();
    let lake = bucket.url("lake");
    for round in 0..10 {
        let mut command = place.trailql_on(&bucket);
        command.args(["--lake", &lake, "ingest", "--quiet", "--batch-bytes", "40000", &bucket.url("logs/")]);
        kill_after(&mut command, 100 + scattered(round, 1500));
        if !bucket.keys("lake/_delta_log/00000000000000000000.json").is_empty() {
            let rows = rows(&place, &bucket, &lake);
            assert!(rows.iter().all(|row| whole.binary_search(row).is_ok()), "a row that no event stands for");
            assert!(rows.windows(2).all(|pair| pair[0] != pair[1]), "a row twice");
        }
    }
    let args = ["--lake", &lake, &bucket.url("logs/")];
    ingest(&place, &bucket, &args);
    assert_eq!(rows(&place, &bucket, &lake), whole);
    assert_eq!(ingest(&place, &bucket, &args)["read"], 0);
}

fn large_objects_are_written_in_parts(bucket: Bucket) {
    let place = Place::new();
    // Records that are no events are kept aside with their text, all of a batch in one file.
    let odd = format!(r#"{{"odd":"{}"}}"#, "x".repeat(1 << 20));
    place.log("odd.json", format!(r#"{{"Records":[{}]}}"#, vec![odd; 40].join(",")));
    let proxy = FaultProxy::start(bucket.address, |_| Fault::None);
    let account = ingest(&place, &bucket.through(proxy.address), &["--lake", &bucket.url("lake"), "logs"]);
    assert_eq!(account["rejected"], 40, "{account}");
    let kept = bucket.keys("lake/_rejected/").remove(0);
    let head = bucket.request("HEAD", &kept, b"").head;
    let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse::<usize>().unwrap();
    assert!(length >= 40 << 20, "{head}");
    let parts = proxy.seen().iter().filter(|seen| seen.path.contains("partNumber=")).count();
    assert_eq!(parts, length.div_ceil(8 << 20));
}

#[test]
fn an_object_whose_key_cannot_be_asked_for_is_named_and_the_rest_read() {
    // MinIO has no such keys.
    let bucket = bucket_or_skip!(moto);
    let folder = "AWSLogs/111111111111/CloudTrail/us-east-1/2024/03/01";
    bucket.put(&format!("{folder}/a.json"), records(0, 10));
    bucket.put(&format!("{folder}//b.json"), records(10, 10));
    bucket.put("/AWSLogs/lead.json", records(20, 10));
    let place = Place::new();
    let output = place.trailql_on(&bucket).args(["ingest", &bucket.url("")]).output().unwrap();
    let (code, message) = outcome(&output);
    assert_eq!(code, 1, "{message}");
    for key in [&format!("{folder}//b.json"), "/AWSLogs/lead.json"] {
        assert!(
            message.contains(&format!("{} cannot be read: its key has an empty name", bucket.url(key))),
            "{message}"
        );
    }
    assert!(message.contains("copy it to another key") && message.contains("1 read, 2 failed"), "{message}");
    assert_eq!(place.rows().len(), 10);
}

#[test]
fn settings_come_from_a_profile_and_options_reach_every_request() {
    let bucket = bucket_or_skip!(moto);
    let place = Place::new();
    bucket.put("logs/a.json", records(0, 3));
    let proxy = FaultProxy::start(bucket.address, |_| Fault::None);
    let config = format!(
        "[profile logs]\nregion = eu-west-1\nendpoint_url = http://{}\ncredential_process = echo \
         '{{\"Version\":1,\"AccessKeyId\":\"KEYFROMPROCESS\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t0ken\"}}'\n",
        proxy.address
    );
    std::fs::write(place.path("config"), config).unwrap();
    let mut command = place.trailql_s3("", &Credentials::default());
    for name in ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
        command.env_remove(name);
    }
    command.env("AWS_CONFIG_FILE", place.path("config")).env("AWS_PROFILE", "logs");
    let output = command.args(["ingest", "--requester-pays", &bucket.url("logs/")]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for seen in proxy.seen() {
        assert!(seen.head.contains("credential=keyfromprocess/") && seen.head.contains("/eu-west-1/s3/"), "{seen:?}");
        assert!(seen.head.contains("x-amz-security-token: t0ken"), "{seen:?}");
        assert!(seen.head.contains("x-amz-request-payer: requester"), "{seen:?}");
    }
}

fn what_a_query_asked_of_the_bucket_is_told(bucket: Bucket) {
    let place = Place::new();
    place.log("a.json", records(0, 50));
    let lake = bucket.url("lake");
    ingest(&place, &bucket, &["--lake", &lake, "logs"]);
    let sql = |args: &[&str]| place.trailql_on(&bucket).args(["--lake", &lake, "sql"]).args(args).output().unwrap();
    let query = "SELECT eventname FROM cloudtrail_logs";
    let told = text(&sql(&["-v", "-c", query]).stderr);
    assert!(told.contains("requests (") && told.contains(" GET)"), "{told}");
    let told: Value = serde_json::from_slice(&sql(&["--json", "-c", query]).stderr).unwrap();
    assert!(told["requests"].as_u64() > Some(1), "{told}");
    // All that a count takes is in the Delta log, which was read before.
    let told: Value =
        serde_json::from_slice(&sql(&["--json", "-c", "SELECT count(*) FROM cloudtrail_logs"]).stderr).unwrap();
    assert_eq!(told["requests"], 0, "{told}");
    let plan = text(&sql(&["-c", &format!("EXPLAIN ANALYZE {query}")]).stdout);
    assert!(plan.contains("store_requests=") && plan.contains("store_bytes="), "{plan}");
}

fn a_cache_saves_requests_and_may_be_deleted(bucket: Bucket) {
    let place = Place::new();
    place.log("a.json", records(0, 50));
    let lake = bucket.url("lake");
    ingest(&place, &bucket, &["--lake", &lake, "logs"]);
    let requests = |args: &[&str]| {
        let mut command = place.trailql_on(&bucket);
        command.args(["--lake", &lake, "sql", "--json"]).args(args);
        let output = command.args(["-c", "SELECT count(DISTINCT eventid) AS n FROM cloudtrail_logs"]).output().unwrap();
        assert_eq!(text(&output.stdout), "n\r\n50\r\n", "{}", text(&output.stderr));
        serde_json::from_slice::<Value>(&output.stderr).unwrap()["requests"].as_u64().unwrap()
    };
    let without = requests(&[]);
    let cached = ["--cache", "cache", "--cache-bytes", "1000000"];
    let (first, second) = (requests(&cached), requests(&cached));
    assert!(first > 0 && first <= without && second == 0, "{without} {first} {second}");
    std::fs::remove_dir_all(place.path("cache")).unwrap();
    assert_eq!(requests(&cached), first);
    let wrong = ["--lake", &lake, "--cache", "logs", "lake", "info"];
    let (code, message) = outcome(&place.trailql_on(&bucket).args(wrong).output().unwrap());
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("not a folder for a cache"), "{message}");
}

fn trouble_is_named_with_what_to_do(bucket: Bucket) {
    let place = Place::new();
    place.log("a.json", records(0, 3));
    bucket.put("logs/a.json", records(0, 3));
    let proxy = FaultProxy::start(bucket.address, |_| Fault::Refuse(403, "AccessDenied"));
    let endpoint = format!("http://{}", bucket.address);
    let source = bucket.url("logs/");
    let with = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = place.trailql_s3(&endpoint, &Credentials::default());
        for (name, value) in variables {
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        outcome(&command.args(args).output().unwrap())
    };
    let no_keys = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
    let denied = format!("http://{}", proxy.address);
    for (variables, args, code, reasons) in [
        (&[][..], &["ingest", "s3://no-such-bucket/"][..], 2, ["no such bucket", "hint: check the name"]),
        (&[], &["--lake", "s3://no-such-bucket/lake", "lake", "info"], 2, ["no such bucket", "hint: check the name"]),
        (&[], &["--lake", "s3://no-such-bucket/lake", "ingest", "logs"], 2, ["no such bucket", "hint: check the name"]),
        (&[], &["ingest", &bucket.url("nothing/")], 2, ["no log files", "nothing/"]),
        (&[], &["--lake", &bucket.url("nothing"), "lake", "info"], 2, ["no lake at", "trailql ingest"]),
        (&no_keys, &["ingest", &source], 2, ["no AWS credentials found", "AWS_ACCESS_KEY_ID"]),
        (
            &[("AWS_ENDPOINT_URL", "http://s3.example")],
            &["ingest", &source],
            2,
            ["plain HTTP", "TRAILQL_S3_ALLOW_HTTP"],
        ),
        (&[("AWS_ENDPOINT_URL", "s3.example:1")], &["ingest", &source], 2, ["not an endpoint", "s3.example"]),
        (&[("AWS_MAX_ATTEMPTS", "many")], &["ingest", &source], 2, ["s3.max_attempts", "number"]),
        (&[("AWS_ENDPOINT_URL", &denied)], &["ingest", &source], 1, ["access denied", "s3:ListBucket"]),
        (&[("AWS_ENDPOINT_URL", &denied)], &["--lake", &source, "lake", "info"], 1, ["access denied", "s3:ListBucket"]),
        (
            &[("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), ("AWS_MAX_ATTEMPTS", "2")],
            &["ingest", &source],
            1,
            ["does not answer", "refused"],
        ),
    ] {
        let (got, message) = with(variables, args);
        assert_eq!(got, code, "{args:?}: {message}");
        for reason in reasons {
            assert!(message.contains(reason), "{args:?}: {message}");
        }
        assert!(!message.contains("panicked"), "{message}");
    }
}

#[test]
fn a_certificate_that_nobody_signed_is_an_error_and_no_panic() {
    let Some(server) = Server::start_moto(&["--ssl"], "https") else { return };
    let place = Place::new();
    let (code, message) = outcome(
        &place
            .trailql_s3(&server.endpoint(), &Credentials::default())
            .env("AWS_MAX_ATTEMPTS", "1")
            .args(["ingest", "s3://some-bucket/"])
            .output()
            .unwrap(),
    );
    assert_eq!(code, 1, "{message}");
    assert!(message.contains("certificate") && !message.contains("panicked"), "{message}");
}
