//! Every key that may stand in `trailql.toml`.

use crate::value::Kind;

/// One key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Path with dots; `*` stands for a name that the user chooses.
    pub path: &'static str,
    /// What its value must be.
    pub kind: Kind,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// Environment variables that say the same and win over the file, the first one set first.
    pub environment: &'static [&'static str],
    /// The value where nothing says otherwise, as it would stand in the file.
    pub default: Option<&'static str>,
}

const fn key(path: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { path, kind, about, environment: &[], default: None }
}

const fn with_environment(key: Key, environment: &'static [&'static str]) -> Key {
    Key { environment, ..key }
}

const fn with_default(key: Key, default: &'static str) -> Key {
    Key { default: Some(default), ..key }
}

/// All keys, in the order in which they are documented and shown.
pub const KEYS: &[Key] = &[
    with_default(
        with_environment(
            key("lake", Kind::Text, "The lake to work on: a name of [lakes], a folder or a URL"),
            &["TRAILQL_LAKE"],
        ),
        "./trailql-lake",
    ),
    key("lakes.*.url", Kind::Place, "Folder or s3:// URL of this lake"),
    key("lakes.*.retention", Kind::Span, "As upkeep.retention, for this lake"),
    key("lakes.*.optimize_every", Kind::Span, "As upkeep.optimize_every, for this lake"),
    key("lakes.*.vacuum_after", Kind::Span, "As upkeep.vacuum_after, for this lake"),
    key("sources.*.url", Kind::Places, "Where the log files are: files, folders, patterns or s3:// URLs"),
    key("sources.*.since", Kind::Time, "Take only events at or after this time"),
    key("sources.*.until", Kind::Time, "Take only events before this time"),
    key("sources.*.accounts", Kind::List, "Take only events of these accounts"),
    key("sources.*.regions", Kind::List, "Take only events of these regions"),
    key("sources.*.where", Kind::Text, "Take only events that meet this SQL condition over the stored columns"),
    key("sources.*.sqs", Kind::Text, "URL of the SQS queue that announces new objects to `ingest --follow`"),
    with_default(
        key("follow.interval", Kind::Span, "How often `ingest --follow` lists the days that can still change"),
        "1m",
    ),
    key("upkeep.retention", Kind::Span, "Age at which `ingest --follow` lets events expire; none is kept for ever"),
    with_default(
        key("upkeep.optimize_every", Kind::Span, "How often `ingest --follow` merges small files; 0s for never"),
        "1h",
    ),
    with_default(
        key("upkeep.vacuum_after", Kind::Span, "Age at which files that no version needs are deleted; 0s for never"),
        "7d",
    ),
    key("s3.region", Kind::Text, "Region of the buckets; by default the one that S3 names, or AWS_REGION"),
    with_environment(
        key("s3.endpoint", Kind::Text, "URL of another S3 server"),
        &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
    ),
    with_environment(key("s3.profile", Kind::Text, "Profile of ~/.aws/config with the credentials"), &["AWS_PROFILE"]),
    with_default(
        with_environment(
            key("s3.allow_http", Kind::Boolean, "Allow an endpoint without TLS on another machine"),
            &["TRAILQL_S3_ALLOW_HTTP"],
        ),
        "false",
    ),
    with_environment(
        key("s3.max_attempts", Kind::Text, "Attempts of one request before it fails"),
        &["AWS_MAX_ATTEMPTS"],
    ),
    with_default(key("s3.requester_pays", Kind::Boolean, "Pay for requests to buckets of others"), "false"),
    key("s3.sse", Kind::Text, "Encryption of what is written: AES256 or aws:kms; the bucket's own by default"),
    key("s3.sse_kms_key_id", Kind::Text, "KMS key of aws:kms; the account's own by default"),
    with_environment(
        key("s3.cache", Kind::Place, "Folder for a copy of Parquet ranges read from S3; none by default"),
        &["TRAILQL_CACHE"],
    ),
    with_default(
        with_environment(
            key("s3.cache_bytes", Kind::Bytes, "Size at which the oldest ranges leave the cache"),
            &["TRAILQL_CACHE_BYTES"],
        ),
        "10GiB",
    ),
    key(
        "tables.*",
        Kind::Text,
        "Another name of the table of events, for queries that call it so; its value is cloudtrail_logs",
    ),
    key("schedule.*.cron", Kind::Text, "When to run: minute hour day month weekday"),
    key("schedule.*.time_zone", Kind::Text, "Time zone of the cron expression, such as Europe/Berlin; UTC by default"),
    key("schedule.*.run", Kind::List, "What to run: the arguments of trailql, with {date} and {day_before} of the run"),
    key("schedule.*.missed", Kind::Text, "What to do about a missed run: skip (the default), or run-last"),
    key("schedule.*.timeout", Kind::Span, "Time after which a run is ended; 1h by default"),
    key("schedule.*.notify", Kind::List, "Names of [notify] to tell of every run"),
    key("notify.*.kind", Kind::Text, "How to tell: webhook, slack, sns, email or command"),
    key("notify.*.severity", Kind::Text, "Tell problems of this severity or worse; medium by default"),
    key("notify.*.always", Kind::Boolean, "Tell good news as well"),
    key("notify.*.window", Kind::Span, "Tell the same thing once within this time; 1h by default"),
    key("notify.*.template", Kind::Text, "Text with {job}, {outcome}, {level}, {subject}, {text} and {time}"),
    key("notify.*.url", Kind::Text, "Address of a webhook"),
    key("notify.*.url_env", Kind::Text, "Environment variable with the address of a webhook, where that is a secret"),
    key("notify.*.signing_key_env", Kind::Text, "Environment variable with the key that signs a webhook's messages"),
    key("notify.*.topic", Kind::Text, "ARN of an SNS topic"),
    key("notify.*.server", Kind::Text, "Mail relay, as HOST or HOST:PORT"),
    key(
        "notify.*.tls",
        Kind::Text,
        "How to speak to the mail relay: starttls, implicit or none; starttls by default, and none on this machine",
    ),
    key("notify.*.from", Kind::Text, "Address that mail comes from"),
    key("notify.*.to", Kind::List, "Addresses that mail goes to"),
    key("notify.*.user_env", Kind::Text, "Environment variable with the mail relay's user name"),
    key("notify.*.login_env", Kind::Text, "Environment variable with the mail relay's login word for that user"),
    key("notify.*.command", Kind::List, "Program and arguments that get the message as JSON on standard input"),
    with_environment(
        key("sql.memory", Kind::Bytes, "Memory of sorts, joins and groupings before they spill to disk"),
        &["TRAILQL_MEMORY"],
    ),
];

impl Key {
    /// Whether `path`, such as `lakes.prod.url`, is an instance of this key.
    pub fn matches(&self, path: &[&str]) -> bool {
        let mut parts = self.path.split('.');
        path.iter().all(|part| parts.next().is_some_and(|own| own == "*" || own == *part)) && parts.next().is_none()
    }

    /// Whether the key lies below `path`, such as `lakes` or `lakes.prod`.
    pub(crate) fn is_below(&self, path: &[&str]) -> bool {
        let mut parts = self.path.split('.');
        path.iter().all(|part| parts.next().is_some_and(|own| own == "*" || own == *part)) && parts.next().is_some()
    }
}

/// The key that `path` is an instance of.
pub(crate) fn find(path: &[&str]) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.matches(path))
}
