//! Keeps a lake up with a live trail.
//!
//! A [`Queue`] brings messages, a [`Notice`] is what one of them announces.

mod error;
mod notice;
mod queue;

pub use error::FollowError;
pub use notice::Notice;
pub use queue::{Message, Queue};
