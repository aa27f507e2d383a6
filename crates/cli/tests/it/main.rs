//! The `trailql` binary as a process: exit codes, messages, crashes.

#![allow(clippy::unwrap_used, reason = "tests")]

mod assert;
mod bad_input;
mod config;
mod crash;
mod made_lake;
#[cfg(unix)]
mod repl;
mod report;
mod schedule;
mod sql;
mod support;
