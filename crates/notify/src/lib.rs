//! Tells people and programs what became of a report, an assertion or an ingest.
//!
//! A [`Message`] goes through a [`Notifier`], which knows whom to tell ([`Channel`]), from which severity on, and how
//! often the same thing may be told again. What was told is kept in a [`SentLog`], so that two processes do not tell it
//! twice. A notification that could not be sent is an error with its reason; who sends decides what that means.

mod command;
mod email;
mod error;
mod http;
mod message;
mod notifier;
mod sent;
mod sns;

pub use command::Command;
pub use email::{Email, MailRelay, MailTls};
pub use error::NotifyError;
pub use http::{Slack, Webhook};
pub use message::{Level, Message, Outcome};
pub use notifier::{Channel, Notifier, RetryPolicy, Told};
pub use sent::SentLog;
pub use sns::Sns;
