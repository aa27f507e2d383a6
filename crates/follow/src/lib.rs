//! Keeps a lake up with a live trail.
//!
//! [`follow`] ingests what is new, pass after pass, and looks after the lake on the way. What is new shows by listing the
//! sources, or comes as messages of a [`Queue`], each of which is a [`Notice`].

mod error;
mod follow;
mod notice;
mod queue;
mod queue_pass;
mod upkeep;

pub use error::FollowError;
pub use follow::{FollowEvent, FollowOptions, Stop, follow};
pub use notice::Notice;
pub use queue::{Message, Queue};
pub use upkeep::{UpkeepPolicy, UpkeepReport};
