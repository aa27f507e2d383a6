//! Ingest as its users see it, one module a promise.

#![allow(clippy::unwrap_used, reason = "tests")]

mod account;
mod manifest;
mod once;
mod support;
