//! The `trailql` binary.

fn main() {}
