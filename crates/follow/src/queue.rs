//! An SQS queue that announces new log files.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::{Region, SdkConfig};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, MessageSystemAttributeName};
use url::Url;

use crate::error::FollowError;

/// The most that SQS hands out or deletes at once.
const BATCH: usize = 10;

/// Longest wait for a message that SQS allows.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Time for a batch to be committed before its messages come again; a message that does come again is a duplicate, which
/// costs a look at the ledger.
const HIDDEN_SECONDS: i32 = 900;

/// A queue; cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

/// One message, hidden from other readers for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// ID of the message.
    pub id: String,
    /// What deletes the message.
    pub receipt: String,
    /// Its text.
    pub body: String,
    /// How often it was handed out, this time included.
    pub deliveries: u32,
}

impl Queue {
    /// Takes the URL of a queue; its region is the one in the URL, if there is one.
    pub fn new(config: &SdkConfig, url: &str) -> Result<Self, FollowError> {
        let refuse = |reason: &str| FollowError::QueueUrl { url: url.to_owned(), reason: reason.to_owned() };
        let parsed = Url::parse(url).map_err(|error| refuse(&error.to_string()))?;
        if !matches!(parsed.scheme(), "https" | "http") || parsed.path().trim_matches('/').is_empty() {
            return Err(refuse("such a URL looks like https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"));
        }
        let mut config = aws_sdk_sqs::config::Builder::from(config);
        if let Some(region) = parsed.host_str().and_then(region_of) {
            config = config.region(Region::new(region.to_owned()));
        }
        Ok(Self { client: Client::from_conf(config.build()), url: url.to_owned() })
    }

    /// URL of the queue.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes up to ten messages, waiting up to `wait` for the first.
    pub async fn receive(&self, wait: Duration) -> Result<Vec<Message>, FollowError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(BATCH as i32)
            .wait_time_seconds(wait.min(LONGEST_WAIT).as_secs() as i32)
            .visibility_timeout(HIDDEN_SECONDS)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await
            .map_err(|error| self.failed("reading", &DisplayErrorContext(error)))?;
        Ok(answer.messages.unwrap_or_default().into_iter().map(Message::from).collect())
    }

    /// Deletes messages; those that cannot be deleted will come again, which is harmless.
    pub async fn delete(&self, messages: &[Message]) -> Result<(), FollowError> {
        for batch in messages.chunks(BATCH) {
            let mut request = self.client.delete_message_batch().queue_url(&self.url);
            for (n, message) in batch.iter().enumerate() {
                let entry = DeleteMessageBatchRequestEntry::builder().id(n.to_string());
                let entry = entry.receipt_handle(&message.receipt).build();
                request = request.entries(entry.map_err(|error| self.failed("deleting from", &error))?);
            }
            let answer =
                request.send().await.map_err(|error| self.failed("deleting from", &DisplayErrorContext(error)))?;
            for failed in answer.failed {
                tracing::warn!(
                    queue = self.url,
                    code = failed.code,
                    "a message could not be deleted and will come again"
                );
            }
        }
        Ok(())
    }

    fn failed(&self, action: &'static str, error: &dyn std::fmt::Display) -> FollowError {
        FollowError::Queue { action, url: self.url.clone(), reason: error.to_string() }
    }
}

impl From<aws_sdk_sqs::types::Message> for Message {
    fn from(message: aws_sdk_sqs::types::Message) -> Self {
        let attributes: HashMap<_, _> = message.attributes.unwrap_or_default();
        let deliveries = attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount);
        Self {
            id: message.message_id.unwrap_or_default(),
            receipt: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
            deliveries: deliveries.and_then(|count| count.parse().ok()).unwrap_or(1),
        }
    }
}

/// The region in `sqs.eu-west-1.amazonaws.com`, or in the older `eu-west-1.queue.amazonaws.com`.
fn region_of(host: &str) -> Option<&str> {
    let mut parts = host.split('.');
    match (parts.next()?, parts.next()?) {
        ("sqs" | "sqs-fips", region) if host.contains("amazonaws") => Some(region),
        (region, "queue") if host.contains("amazonaws") => Some(region),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_asked_in_its_own_region() {
        assert_eq!(region_of("sqs.eu-west-1.amazonaws.com"), Some("eu-west-1"));
        assert_eq!(region_of("sqs.cn-north-1.amazonaws.com.cn"), Some("cn-north-1"));
        assert_eq!(region_of("us-west-2.queue.amazonaws.com"), Some("us-west-2"));
        assert_eq!(region_of("localhost"), None);
        assert_eq!(region_of("127.0.0.1"), None);
    }

    #[test]
    fn refuses_what_is_no_queue() {
        let config = SdkConfig::builder().build();
        for url in ["", "orders", "arn:aws:sqs:us-east-1:1:q", "https://sqs.us-east-1.amazonaws.com/"] {
            assert!(matches!(Queue::new(&config, url), Err(FollowError::QueueUrl { .. })), "{url}");
        }
    }
}
