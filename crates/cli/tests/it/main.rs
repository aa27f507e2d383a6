//! The `trailql` binary as a process: exit codes, messages, crashes.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod crash;
mod support;
