//! The policies of the README are enough for what it says, and allow no more: MinIO enforces them.

use std::path::Path;

use crate::s3::{account, rows, trail};
use crate::s3_server::{Bucket, Server, bucket_or_skip, encoded};
use crate::signature::{Credentials, Unsigned};
use crate::support::{Place, outcome};

/// The README's policies as they stand there: for reading a trail, and for a lake.
fn policies() -> [String; 2] {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let blocks = readme.split("```json\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned());
    let policies: Vec<String> = blocks.filter(|block| block.contains("\"Statement\"")).collect();
    policies.try_into().unwrap()
}

/// Temporary credentials that may do what a policy allows.
fn role(server: &Server, policy: &str) -> Credentials {
    let policy = encoded(policy, "");
    let body = format!("Action=AssumeRole&DurationSeconds=900&Policy={policy}&Version=2011-06-15");
    let host = server.address.to_string();
    let unsigned = Unsigned {
        service: "sts",
        method: "POST",
        host: &host,
        path: "/",
        query: "",
        metadata: &[],
        body: body.as_bytes(),
    };
    let signed = unsigned.sign(&Credentials::default());
    let form = ("content-type", "application/x-www-form-urlencoded");
    let headers: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_str())).chain([form]).collect();
    let server = Bucket { name: String::new(), address: server.address };
    let answer = server.call("/", &headers, body.as_bytes());
    let answer = String::from_utf8(answer.body).unwrap();
    let member = |name: &str| {
        let value = answer.split(&format!("<{name}>")).nth(1).unwrap_or_else(|| panic!("{answer}"));
        value.split('<').next().unwrap().to_owned()
    };
    Credentials {
        key_id: member("AccessKeyId"),
        secret: member("SecretAccessKey"),
        token: Some(member("SessionToken")),
    }
}

#[test]
fn the_policies_of_the_readme_are_enough_and_allow_no_more() {
    let (logs, lakes) = (bucket_or_skip!(minio), bucket_or_skip!(minio));
    let Some(server) = Server::minio() else { return };
    let place = Place::new();
    trail(&place, "");
    logs.put_logs(&place, "");
    let local = place.ingest();
    let [reading, lake] =
        policies().map(|policy| policy.replace("my-trail", &logs.name).replace("my-lake", &lakes.name));
    let asking = lake.replace(", \"s3:PutObject\", \"s3:DeleteObject\", \"s3:AbortMultipartUpload\"", "");
    assert_ne!(asking, lake);
    let [reader, writer, asker] = [&reading, &lake, &asking].map(|policy| role(server, policy));
    let run = |who: &Credentials, args: &[&str]| place.trailql_s3(&server.endpoint(), who).args(args).output().unwrap();

    let kept = |args: &[&str], who: &Credentials| {
        let mut command = place.trailql_s3(&server.endpoint(), who);
        account(command.args(args).args(["--json", "--quiet"]))["kept"].clone()
    };
    assert_eq!(kept(&["--lake", "copy", "ingest", &logs.url("AWSLogs/")], &reader), local["kept"]);
    let (good, bad) = (lakes.url("cloudtrail"), lakes.url("other"));
    let (trail_url, trail_lake) = (logs.url(""), logs.url("lake"));
    assert_eq!(kept(&["--lake", &good, "ingest", "logs"], &writer), local["kept"]);
    for command in [
        &["lake", "optimize"][..],
        &["lake", "expire", "--before", "2024-03-02"],
        &["lake", "vacuum", "--older-than", "0d"],
        &["lake", "history"],
    ] {
        let (code, message) = outcome(&run(&writer, &[&["--lake", &good], command].concat()));
        assert_eq!(code, 0, "{command:?}: {message}");
    }
    let query = ["sql", "-c", "SELECT count(*) FROM cloudtrail_logs WHERE eventname = 'Call1'"];
    assert_eq!(outcome(&run(&asker, &[&["--lake", &good], &query[..]].concat())).0, 0);
    assert!(!rows(&place, &lakes, &good).is_empty());

    let denied = [
        (&reader, &["--lake", &trail_lake, "ingest", "logs"][..]),
        (&reader, &["--lake", &good, "lake", "info"]),
        (&writer, &["ingest", &trail_url]),
        (&writer, &["--lake", &bad, "ingest", "logs"]),
        (&asker, &["--lake", &good, "lake", "expire", "--before", "2024-03-03"]),
    ];
    for (who, args) in denied {
        let (code, message) = outcome(&run(who, args));
        assert_eq!(code, 1, "{args:?}: {message}");
        assert!(message.contains("access denied") || message.contains("Access Denied"), "{args:?}: {message}");
    }
}
