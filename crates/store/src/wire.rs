//! HTTP as the stores speak it: counted, and with S3's errors made plain.
//!
//! The store's client retries 5xx answers, 429 and broken connections by itself. This layer lets it treat alike what S3
//! says in other ways: throttles and timeouts with status 400, and lists that break off in the middle.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use http_body_util::BodyExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
    ReqwestConnector,
};
use serde::Deserialize;

use crate::odd_keys;
use crate::usage::{Counters, Request};

/// S3 begins to answer within a second as a rule. A request that hangs longer than this is better sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Bodies of requests that may take longer than that to be sent.
const LARGE_BODY_BYTES: usize = 64 << 10;

/// Codes that come with status 400 and ask to try again.
///
/// Source: the AWS SDKs' list of transient and throttling error codes.
const TRANSIENT_CODES: [&str; 12] = [
    "BandwidthLimitExceeded",
    "InternalError",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// Makes HTTP clients that count into one place.
#[derive(Debug)]
pub(crate) struct CountingConnector {
    pub(crate) counters: Arc<Counters>,
}

impl HttpConnector for CountingConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(CountingClient { inner, counters: Arc::clone(&self.counters) }))
    }
}

#[derive(Debug)]
struct CountingClient {
    inner: HttpClient,
    counters: Arc<Counters>,
}

#[async_trait]
impl HttpService for CountingClient {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let kind = Request::of(request.method(), request.uri().query());
        let body_bytes = request.body().content_length();
        self.counters.count(kind, body_bytes as u64);
        let answer = self.inner.execute(request);
        let response = if body_bytes < LARGE_BODY_BYTES {
            let late = |error| HttpError::new(HttpErrorKind::Timeout, error);
            tokio::time::timeout(ANSWER_TIMEOUT, answer).await.map_err(late)??
        } else {
            answer.await?
        };
        if response.status().is_client_error() || response.status().is_server_error() {
            return settle_error(response).await;
        }
        let counters = Arc::clone(&self.counters);
        let response = response.map(|body| {
            HttpResponseBody::new(body.map_frame(move |frame| {
                counters.count_read(frame.data_ref().map_or(0, |data| data.len() as u64));
                frame
            }))
        });
        match kind {
            Request::Get => Ok(response),
            Request::List => with_marked_keys(whole(response).await?).await,
            _ => whole(response).await,
        }
    }
}

/// Reads the body, so that one that breaks off counts as a request that failed, and is retried as such.
///
/// The client itself goes on where the body of an object broke off.
async fn whole(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (parts, body) = response.into_parts();
    let body = body.bytes().await.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?;
    Ok(HttpResponse::from_parts(parts, body.into()))
}

/// Lets a listing be read whatever keys it holds.
async fn with_marked_keys(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (parts, body) = response.into_parts();
    let body = body.bytes().await?;
    let marked = std::str::from_utf8(&body).ok().map(odd_keys::mark);
    let body = match marked {
        Some(Cow::Owned(marked)) => marked.into(),
        _ => body.into(),
    };
    Ok(HttpResponse::from_parts(parts, body))
}

/// What S3 writes into the body of an error.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody {
    code: String,
    #[serde(default)]
    message: String,
}

/// Turns the XML of an error into `Code: message`, and the status of a transient one into 503.
async fn settle_error(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (mut parts, body) = whole(response).await?.into_parts();
    let body = body.bytes().await?;
    let Some(error) = std::str::from_utf8(&body).ok().and_then(|text| quick_xml::de::from_str::<ErrorBody>(text).ok())
    else {
        return Ok(HttpResponse::from_parts(parts, body.into()));
    };
    if parts.status == StatusCode::BAD_REQUEST && TRANSIENT_CODES.contains(&error.code.as_str()) {
        parts.status = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(HttpResponse::from_parts(parts, format!("{}: {}", error.code, error.message.trim()).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn settled(status: u16, body: &str) -> (u16, String) {
        let response = http::Response::builder().status(status).body(body.to_owned().into()).expect("a response");
        let (parts, body) = settle_error(response).await.expect("settled").into_parts();
        let body = body.bytes().await.expect("in memory");
        (parts.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn makes_errors_plain_and_throttles_retryable() {
        let xml = |code: &str| {
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>Please &amp; thanks\
                 </Message><RequestId>1</RequestId></Error>"
            )
        };
        assert_eq!(settled(403, &xml("AccessDenied")).await, (403, "AccessDenied: Please & thanks".to_owned()));
        for code in ["RequestTimeout", "ThrottlingException"] {
            assert_eq!(settled(400, &xml(code)).await, (503, format!("{code}: Please & thanks")));
        }
        assert_eq!(settled(400, &xml("ExpiredToken")).await.0, 400);
        assert_eq!(settled(502, "<html>Bad Gateway</html>").await, (502, "<html>Bad Gateway</html>".to_owned()));
        assert_eq!(settled(404, "").await, (404, String::new()));
    }
}
