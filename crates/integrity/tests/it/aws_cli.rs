//! The same buckets, validated by trailql and by `aws cloudtrail validate-logs`: file by file, both say the same.
//!
//! Needs `moto_server`, and the AWS CLI from 1.46 on (before, it did not look for bytes behind a log file), as `aws` on
//! the path or as `TRAILQL_AWS_CLI` names it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;

use trailql_integrity::{Severity, Source, Subject, display_time};

use crate::key_server::KeyServer;
use crate::maker::{ACCOUNT, BUCKET, REGION};
use crate::runner::{Run, range, run};
use crate::s3_server::S3Server;
use crate::stage::Stage;
use crate::tampering::{CASES, Case};

/// The version that looks for bytes behind a log file.
const OLDEST_AWS_CLI: (u32, u32) = (1, 46);

/// What was said about each file, by its short name.
type Verdicts = BTreeMap<String, String>;

struct AwsCli {
    program: String,
    s3: String,
    cloud_trail: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn both_say_the_same_about_every_file() {
    let program = std::env::var("TRAILQL_AWS_CLI").unwrap_or_else(|_| "aws".to_owned());
    if version(&program).is_none_or(|version| version < OLDEST_AWS_CLI) {
        eprintln!("skipped: no AWS CLI from {}.{} on", OLDEST_AWS_CLI.0, OLDEST_AWS_CLI.1);
        return;
    }
    let Some(server) = S3Server::start().map(Arc::new) else {
        eprintln!("skipped: no moto_server");
        return;
    };
    let keys = KeyServer::start();
    let aws = AwsCli { program, s3: server.url(), cloud_trail: keys.url() };
    let mut wrong = Vec::new();
    for case in CASES {
        let stage = (case.make)();
        server.fill(&stage.world).await;
        keys.hold(&stage.keys);
        let opener = Arc::clone(&server) as Arc<dyn trailql_integrity::OpenBucket>;
        let source = Source::bucket(BUCKET, opener.open(BUCKET).await.unwrap(), "", Some(opener)).await.unwrap();
        let ours = run(source, &stage.keys, range(stage.since, stage.until)).await.unwrap();
        wrong.extend(compare(case, &stage, &ours, &aws.validate(&stage)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `aws-cli/1.46.2 Python/…`
fn version(program: &str) -> Option<(u32, u32)> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut parts = text.strip_prefix("aws-cli/")?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

impl AwsCli {
    /// Runs `validate-logs`; returns all it says.
    fn validate(&self, stage: &Stage) -> String {
        let arn = format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main");
        let (since, until) = (display_time(stage.since), display_time(stage.until));
        let mut command = Command::new(&self.program);
        command.args(["cloudtrail", "validate-logs", "--verbose", "--region", REGION, "--trail-arn", &arn]);
        command.args(["--start-time", &since, "--end-time", &until, "--s3-bucket", BUCKET]);
        let prefix = stage.trail.prefix.trim_end_matches('/');
        if !prefix.is_empty() {
            command.args(["--s3-prefix", prefix]);
        }
        command.env("AWS_ENDPOINT_URL_S3", &self.s3).env("AWS_ENDPOINT_URL_CLOUDTRAIL", &self.cloud_trail);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(text.contains("Results requested for"), "the AWS CLI failed: {text}");
        assert_eq!(output.status.code() == Some(1), text.contains("INVALID"), "{text}");
        text
    }
}

/// What is wrong: files of which the two say different things without a reason, and reasons that are none.
fn compare(case: &Case, stage: &Stage, ours: &Run, theirs_text: &str) -> Vec<String> {
    let (ours_by_file, theirs) = (verdicts_of(ours, stage), read_verdicts(theirs_text, stage));
    let names: BTreeSet<_> = ours_by_file.keys().chain(theirs.keys()).cloned().collect();
    let differing: BTreeSet<_> = names.into_iter().filter(|name| ours_by_file.get(name) != theirs.get(name)).collect();
    let declared: BTreeSet<_> = case.beyond.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(declared.is_empty(), case.why.is_empty(), "{}: who says more says why", case.name);
    let mut wrong: Vec<_> = differing
        .symmetric_difference(&declared)
        .map(|name| format!("{}: {name}: {:?} and {:?}", case.name, ours_by_file.get(name), theirs.get(name)))
        .collect();
    if declared.is_empty() && ours.report.chains.len() == 1 {
        let ratios = ours.report.total().ratios();
        wrong.extend(
            ratios
                .into_iter()
                .filter(|line| !theirs_text.contains(line))
                .map(|line| format!("{}: the AWS CLI does not count {line:?} but says {theirs_text}", case.name)),
        );
    }
    wrong
}

fn verdicts_of(run: &Run, stage: &Stage) -> Verdicts {
    let of_trail = run.findings.iter().filter(|finding| matches!(finding.chain.trail.as_str(), "main" | ""));
    let said = of_trail.filter(|finding| match finding.verdict.severity() {
        Severity::Valid | Severity::Invalid | Severity::Unchecked => finding.subject != Subject::Span,
        Severity::Notice => finding.subject == Subject::LogFile,
    });
    said.map(|finding| {
        let verdict = &finding.verdict;
        let text =
            if verdict.severity() == Severity::Valid { "valid".to_owned() } else { format!("INVALID: {verdict}") };
        (name(stage, &finding.key), text)
    })
    .collect()
}

/// Reads lines of three columns, such as `Digest file`, `s3://bucket/key` and `INVALID: reason`.
fn read_verdicts(text: &str, stage: &Stage) -> Verdicts {
    let read = |line: &str| {
        let mut parts = line.split('\t');
        let (_kind, location, verdict) = (parts.next()?, parts.next()?, parts.next()?);
        let (_bucket, key) = location.strip_prefix("s3://")?.split_once('/')?;
        Some((name(stage, key), verdict.to_owned()))
    };
    text.lines().filter_map(read).collect()
}

fn name(stage: &Stage, key: &str) -> String {
    stage.names.get(key).cloned().unwrap_or_else(|| key.to_owned())
}
