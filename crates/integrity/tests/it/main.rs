//! Validation of made buckets: every kind of tampering, by the library alone and beside the AWS CLI.

#![allow(clippy::unwrap_used, reason = "tests")]

mod cases;
mod maker;
mod offline;
mod runner;
mod tampering;
