//! The `trailql` binary as a process: exit codes, messages, crashes.

#![allow(clippy::unwrap_used, reason = "tests")]

mod assert;
mod bad_input;
mod config;
mod crash;
mod export;
mod fault_proxy;
mod follow;
mod made_lake;
mod needle;
mod notify;
#[cfg(unix)]
mod repl;
mod report;
mod s3;
mod s3_credentials;
mod s3_faults;
mod s3_policies;
mod s3_server;
mod s3_upkeep;
mod schedule;
mod signature;
mod sql;
mod support;
mod upkeep;
mod validate;
mod verify;
