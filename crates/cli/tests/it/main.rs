//! The `trailql` binary as a process: exit codes, messages, crashes.

#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_input;
mod crash;
mod made_lake;
#[cfg(unix)]
mod repl;
mod sql;
mod support;
mod validate;
