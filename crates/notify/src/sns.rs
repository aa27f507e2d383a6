//! SNS topics.

use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::config::Region;
use aws_sdk_sns::error::{DisplayErrorContext, SdkError};

use crate::error::NotifyError;
use crate::message::Message;

/// Longest subject that SNS takes, in characters.
const MAX_SUBJECT: usize = 100;

/// An SNS topic.
#[derive(Debug, Clone)]
pub struct Sns {
    client: Client,
    topic: String,
    template: String,
}

impl Sns {
    /// The topic of this ARN, in the region that the ARN names; the text is the filled template.
    pub fn new(config: &SdkConfig, topic: String, template: String) -> Self {
        let mut builder = aws_sdk_sns::config::Builder::from(config);
        if let Some(region) = topic.split(':').nth(3).filter(|region| !region.is_empty()) {
            builder = builder.region(Region::new(region.to_owned()));
        }
        Self { client: Client::from_conf(builder.build()), topic, template }
    }

    pub(crate) async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        let request = self.client.publish().topic_arn(&self.topic).subject(subject(&message.subject));
        let result = request.message(message.fill(&self.template)).send().await;
        result.map(drop).map_err(|error| {
            let receiver = self.topic.clone();
            let is_refusal =
                matches!(&error, SdkError::ServiceError(answer) if answer.raw().status().is_client_error());
            let reason = DisplayErrorContext(error).to_string();
            if is_refusal {
                NotifyError::Refused { receiver, reason }
            } else {
                NotifyError::Unreachable { receiver, reason }
            }
        })
    }
}

/// A subject that SNS takes: ASCII, no line ends, not too long.
fn subject(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    text.chars().map(plain).take(MAX_SUBJECT).collect()
}
