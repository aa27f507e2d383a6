//! Makes a folder that is a copy of a trail's bucket, for benchmarks:
//! `cargo run --example make_trail -- FOLDER HOURS LOGS_PER_HOUR`.
//!
//! `FOLDER/<bucket>` is the copy, with the digests' metadata beside them; `FOLDER/keys.json` has the public key.

#![allow(clippy::unwrap_used, reason = "a tool for benchmarks")]

use std::path::PathBuf;

use trailql_integrity::write_keys;

#[allow(dead_code, reason = "made for tests")]
#[path = "../tests/it/maker.rs"]
mod maker;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, folder, hours, logs_per_hour] = args.as_slice() else { panic!("FOLDER HOURS LOGS_PER_HOUR") };
    let (folder, hours, logs) = (PathBuf::from(folder), hours.parse().unwrap(), logs_per_hour.parse().unwrap());
    let mut trail = maker::Trail::new("main");
    // Hour by hour, so that no more than one is in memory.
    for hour in 0..hours {
        let mut world = maker::World::default();
        trail.deliver(&mut world, hour..hour + 1, logs);
        world.write(&folder, true);
    }
    let mut key = trail.key.public;
    key.valid_until = None;
    std::fs::write(folder.join("keys.json"), write_keys(&[key])).unwrap();
}
