//! Why a bucket cannot be used at all.

use aws_credential_types::provider::error::CredentialsError;

/// The settings, the credentials or the name of a bucket do not allow to use it.
///
/// What single requests come to is an [`object_store::Error`]; see [`Problem`](crate::Problem).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A URL that begins like one of S3 and is none.
    #[error("{url}: not a URL of S3; write s3://BUCKET/PREFIX")]
    Url {
        /// The URL as given.
        url: String,
    },
    /// Credentials and logs would travel unencrypted.
    #[error("{endpoint}: plain HTTP to another machine shows credentials and logs to the network")]
    PlainHttp {
        /// The endpoint.
        endpoint: String,
    },
    /// The endpoint is no URL.
    #[error("{endpoint}: not an endpoint for S3 ({reason}); write https://HOST[:PORT]")]
    Endpoint {
        /// The endpoint as given.
        endpoint: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No place that may hold credentials has some.
    #[error(
        "no AWS credentials found; looked at the environment (AWS_ACCESS_KEY_ID), {profile} in ~/.aws, a web identity \
         token, the container's role and the instance's role"
    )]
    NoCredentials {
        /// The profile that was looked at.
        profile: String,
    },
    /// A place holds credentials, and they cannot be got.
    #[error("AWS credentials cannot be loaded: {reason}")]
    Credentials {
        /// What the provider said.
        reason: String,
    },
    /// S3 knows no such bucket.
    #[error("s3://{bucket}: no such bucket")]
    NoBucket {
        /// The bucket.
        bucket: String,
    },
    /// The folder of the cache cannot be used.
    #[error("{folder}: not a folder for a cache: {reason}")]
    Cache {
        /// The folder.
        folder: String,
        /// Why not.
        reason: String,
    },
    /// The client could not be made.
    #[error("s3://{bucket}: cannot be used: {reason}")]
    Client {
        /// The bucket.
        bucket: String,
        /// What its maker said.
        reason: String,
    },
}

impl StoreError {
    /// Puts what a provider of credentials said into one line.
    pub(crate) fn credentials(error: &CredentialsError, profile: Option<&str>) -> Self {
        match error {
            CredentialsError::CredentialsNotLoaded(_) => {
                let profile =
                    profile.map_or_else(|| "the default profile".to_owned(), |name| format!("profile {name:?}"));
                Self::NoCredentials { profile }
            }
            error => Self::Credentials { reason: chain(error) },
        }
    }

    /// What to do about it, where that is not plain.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::PlainHttp { .. } => Some("use an https:// endpoint, or set TRAILQL_S3_ALLOW_HTTP=1 to allow it"),
            Self::NoCredentials { .. } => Some(
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or log in (`aws sso login`, `aws configure`)",
            ),
            Self::Credentials { .. } => Some("`aws sts get-caller-identity` tries the same credentials"),
            _ => None,
        }
    }
}

/// An error with its causes, each said once.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
