//! What a message of a queue announces.
//!
//! ```text
//! S3        {"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":…},"object":{"key":…}}}]}
//! CloudTrail {"s3Bucket":…,"s3ObjectKey":[…]}
//! EventBridge {"detail-type":"Object Created","detail":{"bucket":{"name":…},"object":{"key":…}}}
//! SNS       {"Type":"Notification","Message":"one of the above, as text"}
//! ```
//!
//! Sources: Amazon S3 User Guide, "Event message structure" and "EventBridge event message structure"; CloudTrail User
//! Guide, "Configuring Amazon SNS notifications for CloudTrail"; SNS Developer Guide, "Parsing Amazon SNS message
//! formats".

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// SNS in SNS is made by nobody; deeper nesting is made to harm.
const MAX_WRAPPERS: usize = 4;

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Objects were created, by their `s3://` URLs.
    Created(Vec<String>),
    /// Nothing to read: a test message, or an event that creates no object.
    Nothing,
    /// A message that no delivery of log files sends, with the reason.
    Unknown(String),
}

impl Notice {
    /// Reads the body of a message.
    pub fn parse(body: &str) -> Self {
        Self::parse_wrapped(body, MAX_WRAPPERS)
    }

    fn parse_wrapped(body: &str, wrappers: usize) -> Self {
        // CloudTrail sends this one when its topic is set up.
        if body.trim() == "CloudTrail validation message." {
            return Self::Nothing;
        }
        let message: Value = match serde_json::from_str(body) {
            Ok(message) => message,
            Err(error) => return Self::Unknown(format!("is not JSON: {error}")),
        };
        if let (Some("Notification"), Some(inner)) = (text(&message["Type"]), text(&message["Message"])) {
            return match wrappers {
                0 => Self::Unknown("is wrapped in too many SNS messages".to_owned()),
                _ => Self::parse_wrapped(inner, wrappers - 1),
            };
        }
        if message["Event"] == "s3:TestEvent" {
            return Self::Nothing;
        }
        let found = s3_records(&message).or_else(|| cloudtrail(&message)).or_else(|| event_bridge(&message));
        found.unwrap_or_else(|| Self::Unknown("announces no object of S3".to_owned()))
    }

    fn created(urls: Vec<String>) -> Self {
        if urls.is_empty() { Self::Nothing } else { Self::Created(urls) }
    }
}

/// S3's own notification; its keys are encoded as in a form, with `+` for a blank.
fn s3_records(message: &Value) -> Option<Notice> {
    let mut urls = Vec::new();
    for record in message["Records"].as_array()? {
        let event = text(&record["eventName"])?;
        let (bucket, key) = (text(&record["s3"]["bucket"]["name"])?, text(&record["s3"]["object"]["key"])?);
        if event.trim_start_matches("s3:").starts_with("ObjectCreated:") {
            let key = key.replace('+', " ");
            urls.push(url(bucket, &percent_decode_str(&key).decode_utf8_lossy()));
        }
    }
    Some(Notice::created(urls))
}

fn cloudtrail(message: &Value) -> Option<Notice> {
    let bucket = text(&message["s3Bucket"])?;
    let keys: Vec<&str> = message["s3ObjectKey"].as_array()?.iter().map(text).collect::<Option<_>>()?;
    Some(Notice::created(keys.into_iter().map(|key| url(bucket, key)).collect()))
}

fn event_bridge(message: &Value) -> Option<Notice> {
    let kind = text(&message["detail-type"])?;
    let detail = &message["detail"];
    let (bucket, key) = (text(&detail["bucket"]["name"])?, text(&detail["object"]["key"])?);
    Some(if kind == "Object Created" { Notice::Created(vec![url(bucket, key)]) } else { Notice::Nothing })
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn url(bucket: &str, key: &str) -> String {
    format!("s3://{bucket}/{key}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "AWSLogs/111122223333/CloudTrail/us-east-1/2024/03/01/a b.json.gz";

    fn created() -> Notice {
        Notice::Created(vec![format!("s3://logs/{KEY}")])
    }

    fn s3(event: &str) -> String {
        let key = KEY.replace(' ', "+");
        json!({"Records": [{"eventSource": "aws:s3", "eventName": event,
            "s3": {"bucket": {"name": "logs"}, "object": {"key": key, "size": 1}}}]})
        .to_string()
    }

    fn sns(message: &str) -> String {
        json!({"Type": "Notification", "TopicArn": "arn", "Message": message}).to_string()
    }

    #[test]
    fn reads_every_kind_of_announcement() {
        let trail = json!({"s3Bucket": "logs", "s3ObjectKey": [KEY]}).to_string();
        let bridge = json!({"source": "aws.s3", "detail-type": "Object Created",
            "detail": {"bucket": {"name": "logs"}, "object": {"key": KEY}}})
        .to_string();
        for body in [s3("ObjectCreated:Put"), sns(&s3("ObjectCreated:Copy")), trail.clone(), sns(&trail), bridge] {
            assert_eq!(Notice::parse(&body), created(), "{body}");
        }
        let encoded = s3("ObjectCreated:Put").replace("2024/03", "2024%2F03");
        assert_eq!(Notice::parse(&encoded), created());
    }

    #[test]
    fn leaves_tests_and_removals_alone() {
        let removed =
            json!({"detail-type": "Object Deleted", "detail": {"bucket": {"name": "b"}, "object": {"key": "k"}}});
        for body in [
            json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "logs"}).to_string(),
            sns("CloudTrail validation message."),
            s3("ObjectRemoved:Delete"),
            removed.to_string(),
        ] {
            assert_eq!(Notice::parse(&body), Notice::Nothing, "{body}");
        }
    }

    #[test]
    fn says_what_it_does_not_know() {
        for body in
            ["", "hello", "{}", "[]", r#"{"Records":[{"eventName":"x"}]}"#, r#"{"s3Bucket":"b","s3ObjectKey":[1]}"#]
        {
            assert!(matches!(Notice::parse(body), Notice::Unknown(_)), "{body}");
        }
        let deep = (0..10).fold("{}".to_owned(), |inner, _| sns(&inner));
        assert_eq!(Notice::parse(&deep), Notice::Unknown("is wrapped in too many SNS messages".to_owned()));
    }
}
