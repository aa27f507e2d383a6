//! AWS Signature Version 4, for requests that the tests make themselves.
//!
//! Source: AWS IAM User Guide, "Create a signed AWS API request".

use chrono::Utc;
use ring::{digest, hmac};

/// What signs a request, and what the binary under test is given.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) key_id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

impl Default for Credentials {
    /// Those of the servers' owner.
    fn default() -> Self {
        Self { key_id: "testkey".to_owned(), secret: "testsecret".to_owned(), token: None }
    }
}

/// A request as far as it is signed; path and query are encoded, the query's parts in order.
pub(crate) struct Unsigned<'a> {
    pub(crate) service: &'a str,
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    /// The object's metadata, names in order.
    pub(crate) metadata: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a [u8],
}

impl Unsigned<'_> {
    /// The headers that sign the request.
    pub(crate) fn sign(&self, credentials: &Credentials) -> [(&'static str, String); 3] {
        let Self { service, method, host, path, query, metadata, body } = self;
        let time = Utc::now();
        let (day, time) = (time.format("%Y%m%d").to_string(), time.format("%Y%m%dT%H%M%SZ").to_string());
        let body_hash = hex(digest::digest(&digest::SHA256, body).as_ref());
        let mut names = "host;x-amz-content-sha256;x-amz-date".to_owned();
        let mut headers = format!("host:{host}\nx-amz-content-sha256:{body_hash}\nx-amz-date:{time}\n");
        for (name, value) in *metadata {
            names += &format!(";x-amz-meta-{name}");
            headers += &format!("x-amz-meta-{name}:{value}\n");
        }
        let canonical = format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{body_hash}");
        let scope = format!("{day}/us-east-1/{service}/aws4_request");
        let request_hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let key =
            scope.split('/').fold(format!("AWS4{}", credentials.secret).into_bytes(), |key, part| mac(&key, part));
        let signature = hex(&mac(&key, &format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{request_hash}")));
        let credential = format!("{}/{scope}", credentials.key_id);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}");
        [("authorization", authorization), ("x-amz-content-sha256", body_hash), ("x-amz-date", time)]
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
