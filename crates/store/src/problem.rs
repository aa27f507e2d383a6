//! Errors of a store in words for people.
//!
//! `object_store` keeps the type of its HTTP errors to itself, and errors on top of it keep its text alone. So status and
//! code are read from the text, which carries the answer's body as [`wire`](crate::wire) left it:
//! `… status code: 403 Forbidden: AccessDenied: message`.

use std::error::Error;
use std::fmt;

use object_store::client::{HttpError, HttpErrorKind};

use crate::error::{StoreError, chain};

/// What an error of a store, or of something on top of one, comes down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which sort of trouble it is.
    pub kind: ProblemKind,
    /// What the server or the network said; may be empty.
    pub detail: String,
}

/// Sorts of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// There is no such object.
    Missing,
    /// There is no such bucket.
    NoBucket,
    /// The credentials are good, and not allowed to do this.
    Denied,
    /// The KMS key of the object cannot be used.
    Encryption,
    /// The object is in an archive and must be restored first.
    Archived,
    /// There are no credentials, or the server does not take them.
    Credentials,
    /// The object is not the one that was listed.
    Changed,
    /// The bucket is in another region.
    WrongRegion,
    /// The server cannot be reached, or went on refusing although asked many times.
    Unavailable,
    /// Anything else.
    Other,
}

impl Problem {
    /// Finds out what an error comes down to, through the errors around it.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let causes = || std::iter::successors(Some(error), |&error| error.source());
        if let Some(error) = causes().find_map(|error| error.downcast_ref::<StoreError>()) {
            return Self { kind: ProblemKind::Credentials, detail: error.to_string() };
        }
        if let Some(error) = causes().find_map(|error| error.downcast_ref::<HttpError>()) {
            return Self { kind: ProblemKind::Unavailable, detail: transport(error) };
        }
        if let Some(problem) = causes().find_map(|error| Self::of_answer(&error.to_string())) {
            return problem;
        }
        let kind = match causes().find_map(|error| error.downcast_ref::<object_store::Error>()) {
            Some(object_store::Error::NotFound { .. }) => ProblemKind::Missing,
            Some(object_store::Error::PermissionDenied { .. }) => ProblemKind::Denied,
            Some(object_store::Error::Precondition { .. }) => ProblemKind::Changed,
            _ => ProblemKind::Other,
        };
        Self { kind, detail: chain(error) }
    }

    /// What to do about it, where that is not plain.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self.kind {
            ProblemKind::Denied => {
                "reading takes s3:ListBucket on the bucket and s3:GetObject on its objects; writing a lake takes \
                 s3:PutObject and s3:DeleteObject as well"
            }
            ProblemKind::Encryption => {
                "the policies of the key and of the user must allow kms:Decrypt, and kms:GenerateDataKey for writing"
            }
            ProblemKind::Archived => "restore the objects first (`aws s3api restore-object`)",
            ProblemKind::Credentials => {
                "`aws sts get-caller-identity` tries the same credentials; temporary ones may have expired"
            }
            ProblemKind::WrongRegion => "set AWS_REGION to the region of the bucket",
            ProblemKind::Unavailable => "check the network and AWS_ENDPOINT_URL; what was committed stays",
            ProblemKind::NoBucket => "check the name, and AWS_ENDPOINT_URL if another server is meant",
            ProblemKind::Missing | ProblemKind::Changed | ProblemKind::Other => return None,
        })
    }

    /// Reads what a server answered out of an error's text.
    fn of_answer(text: &str) -> Option<Self> {
        if text.contains("Received redirect without LOCATION") {
            return Some(Self { kind: ProblemKind::WrongRegion, detail: String::new() });
        }
        if let Some((_, broken)) = text.split_once("HTTP error: ") {
            return Some(Self { kind: ProblemKind::Unavailable, detail: shortened(broken) });
        }
        let (_, answer) = text.split_once("status code: ")?;
        let status: u16 = answer.get(..3)?.parse().ok()?;
        let body = answer.split_once(": ").map_or("", |(_, body)| body).trim();
        let detail = if body.is_empty() { answer.trim().trim_end_matches(':') } else { body };
        Some(Self { kind: ProblemKind::of_status(status, body), detail: shortened(detail) })
    }
}

impl ProblemKind {
    /// `body` is `Code: message`, or empty.
    fn of_status(status: u16, body: &str) -> Self {
        let code = body.split(':').next().unwrap_or_default();
        match (status, code) {
            (_, "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" | "InvalidAccessKeyId")
            | (_, "InvalidClientTokenId" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed")
            | (401, _) => Self::Credentials,
            (_, "NoSuchBucket") => Self::NoBucket,
            (_, "InvalidObjectState") => Self::Archived,
            (_, "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException") => {
                Self::WrongRegion
            }
            (400 | 403, _) if code.starts_with("KMS.") || body.contains("kms:") => Self::Encryption,
            (403, _) => Self::Denied,
            (404, _) => Self::Missing,
            (412, _) => Self::Changed,
            (429 | 500..=599, _) => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ProblemKind::Missing => "no such object",
            ProblemKind::NoBucket => "no such bucket",
            ProblemKind::Denied => "access denied",
            ProblemKind::Encryption => "its KMS key cannot be used",
            ProblemKind::Archived => "it is archived",
            ProblemKind::Credentials => "the credentials do not serve",
            ProblemKind::Changed => "it was replaced in the meantime",
            ProblemKind::WrongRegion => "the bucket is in another region",
            ProblemKind::Unavailable => "the store does not answer",
            ProblemKind::Other => return write!(f, "{}", self.detail),
        };
        if self.detail.is_empty() { write!(f, "{what}") } else { write!(f, "{what} ({})", self.detail) }
    }
}

impl Error for Problem {}

/// What the network said; the outer errors only say that it said something.
fn transport(error: &HttpError) -> String {
    let innermost = std::iter::successors(Some(error as &dyn Error), |&error| error.source()).last();
    let text = innermost.map_or_else(String::new, ToString::to_string);
    match error.kind() {
        HttpErrorKind::Timeout => format!("timed out: {text}"),
        _ => text,
    }
}

/// Bodies of other servers may be whole pages.
fn shortened(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_answer(answer: &str) -> Problem {
        let text = format!("Error performing GET http://x/y in 1ms - Server returned non-2xx status code: {answer}");
        let error = object_store::Error::Generic { store: "S3", source: text.into() };
        Problem::of(&error)
    }

    #[test]
    fn names_what_the_server_answered() {
        for (answer, kind) in [
            ("403 Forbidden: AccessDenied: User: x is not authorized to perform: s3:GetObject", ProblemKind::Denied),
            ("403 Forbidden: AccessDenied: x may not perform: kms:Decrypt", ProblemKind::Encryption),
            ("400 Bad Request: KMS.DisabledException: arn is disabled", ProblemKind::Encryption),
            ("400 Bad Request: ExpiredToken: The provided token has expired.", ProblemKind::Credentials),
            ("403 Forbidden: InvalidAccessKeyId: It does not exist", ProblemKind::Credentials),
            ("403 Forbidden: InvalidObjectState: storage class", ProblemKind::Archived),
            ("404 Not Found: NoSuchBucket: It does not exist", ProblemKind::NoBucket),
            ("404 Not Found: NoSuchKey: It does not exist", ProblemKind::Missing),
            ("404 Not Found: ", ProblemKind::Missing),
            ("412 Precondition Failed: PreconditionFailed: no", ProblemKind::Changed),
            ("400 Bad Request: AuthorizationHeaderMalformed: expecting 'eu-west-1'", ProblemKind::WrongRegion),
            ("503 Service Unavailable: SlowDown: Reduce your request rate", ProblemKind::Unavailable),
            ("418 I'm a teapot: ", ProblemKind::Other),
        ] {
            assert_eq!(of_answer(answer).kind, kind, "{answer}");
        }
        let denied = of_answer("403 Forbidden: AccessDenied: not authorized");
        assert_eq!(denied.to_string(), "access denied (AccessDenied: not authorized)");
        assert_eq!(of_answer("404 Not Found: ").to_string(), "no such object (404 Not Found)");
    }

    #[test]
    fn names_what_the_network_and_the_settings_said() {
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        let error = object_store::Error::Generic {
            store: "S3",
            source: Box::new(HttpError::new(HttpErrorKind::Connect, refused)),
        };
        assert_eq!(Problem::of(&error).to_string(), "the store does not answer (connection refused)");
        let flattened = object_store::Error::Generic { store: "S3", source: error.to_string().into() };
        assert_eq!(Problem::of(&flattened).kind, ProblemKind::Unavailable);
        let none = StoreError::NoCredentials { profile: "the default profile".to_owned() };
        let error = object_store::Error::Generic { store: "S3", source: Box::new(none) };
        assert_eq!(Problem::of(&error).kind, ProblemKind::Credentials);
    }
}
