//! Validation of made buckets: every kind of tampering, by the library alone and beside the AWS CLI.

#![allow(clippy::unwrap_used, reason = "tests")]

mod any_byte;
#[cfg(unix)]
mod aws_cli;
mod cases;
#[cfg(unix)]
mod key_server;
mod maker;
mod offline;
mod runner;
#[cfg(unix)]
mod s3_server;
mod stage;
mod tampering;
