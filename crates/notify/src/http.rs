//! Webhooks: signed JSON, and Slack's format.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde_json::json;
use sha2::Sha256;
use url::Url;

use crate::error::NotifyError;
use crate::message::Message;

/// Time for one request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Header with the hex HMAC-SHA-256 of `TIMESTAMP.BODY`.
const SIGNATURE: &str = "X-Trailql-Signature";

/// Header with the time of sending in seconds since the epoch; part of what is signed, so that nothing can be replayed.
const TIMESTAMP: &str = "X-Trailql-Timestamp";

/// A URL that takes the message as JSON.
#[derive(Clone)]
pub struct Webhook {
    url: Url,
    key: Option<Vec<u8>>,
}

/// A URL that takes text in the format of Slack's incoming webhooks, as Mattermost and others do.
#[derive(Clone)]
pub struct Slack {
    url: Url,
    template: String,
}

impl Webhook {
    /// A receiver at `url`; with a key, every request is signed.
    pub fn new(url: Url, key: Option<Vec<u8>>) -> Self {
        Self { url, key }
    }

    pub(crate) async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        let receiver = receiver(&self.url);
        let body = serde_json::to_string(message)
            .map_err(|error| NotifyError::Configuration { receiver: receiver.clone(), reason: error.to_string() })?;
        let timestamp = chrono::Utc::now().timestamp().to_string();
        let mut headers = vec![(TIMESTAMP, timestamp.clone())];
        if let Some(key) = &self.key {
            headers.push((SIGNATURE, format!("sha256={}", sign(key, &timestamp, &body))));
        }
        post(&self.url, receiver, body, headers).await
    }
}

impl Slack {
    /// A receiver at `url`; the text is the filled template.
    pub fn new(url: Url, template: String) -> Self {
        Self { url, template }
    }

    pub(crate) async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        let body = json!({"text": escape(&message.fill(&self.template))}).to_string();
        post(&self.url, receiver(&self.url), body, Vec::new()).await
    }
}

/// The addresses of webhooks are secrets: only the host is shown.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Slack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slack").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

fn receiver(url: &Url) -> String {
    format!("the webhook at {}", url.host_str().unwrap_or_default())
}

fn sign(key: &[u8], timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// What Slack takes for markup or for a mention.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

async fn post(
    url: &Url,
    receiver: String,
    body: String,
    headers: Vec<(&'static str, String)>,
) -> Result<(), NotifyError> {
    let failed = |error: reqwest::Error| NotifyError::Unreachable {
        receiver: receiver.clone(),
        // Without the address, which may be a secret.
        reason: error.without_url().to_string(),
    };
    // A redirect would carry the message to somewhere nobody named.
    let client = Client::builder().redirect(Policy::none()).timeout(TIMEOUT).build().map_err(failed)?;
    let mut request = client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body);
    request = request.header(USER_AGENT, concat!("trailql/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let status = request.send().await.map_err(failed)?.status();
    let is_busy =
        status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    match status {
        status if status.is_success() => Ok(()),
        _ if is_busy => Err(NotifyError::Unreachable { receiver, reason: format!("it answered {status}") }),
        _ => Err(NotifyError::Refused { receiver, reason: format!("it answered {status}") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_others_do() {
        // python3 -c "import hmac;print(hmac.new(b'key',b'1700000000.{}','sha256').hexdigest())"
        let expected = "9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae";
        assert_eq!(sign(b"key", "1700000000", "{}"), expected);
    }

    #[test]
    fn mentions_are_text() {
        assert_eq!(escape("<!channel> a & b"), "&lt;!channel&gt; a &amp; b");
    }
}
