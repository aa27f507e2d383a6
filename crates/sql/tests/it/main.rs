//! Tests of the session as its callers see it, over a handmade table.
#![allow(missing_docs, clippy::unwrap_used)]

mod dialect_page;
mod errors;
mod export;
mod formats;
mod session;
mod support;
