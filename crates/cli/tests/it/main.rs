//! The `trailql` binary as a process: exit codes, messages, crashes.

#![allow(clippy::unwrap_used, reason = "tests")]

mod assert;
mod bad_input;
mod config;
mod crash;
mod fault_proxy;
mod follow;
mod made_lake;
mod moto;
#[cfg(unix)]
mod repl;
mod report;
mod s3;
mod s3_faults;
mod schedule;
mod sql;
mod support;
mod upkeep;
mod validate;
