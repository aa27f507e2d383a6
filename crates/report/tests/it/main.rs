//! The library and its outputs, over log files in place.

#![allow(clippy::unwrap_used, reason = "tests")]

mod assertions;
mod library;
mod made_events;
mod outputs;
