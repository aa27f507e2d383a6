//! Upkeep of lakes as ingest makes them.

#![allow(clippy::unwrap_used, reason = "tests")]

mod expire;
mod optimize;
mod support;
mod time_travel;
mod vacuum;
