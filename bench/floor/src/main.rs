//! The floor of ingest: gunzip each log file, parse its JSON once, compress the same bytes with zstd level 1.
//!
//! `trailql-floor BUCKET` does that on all cores, several times, and prints the seconds of each round. No ingest that
//! reads all members of all events can be faster with these libraries, and it would have written nothing yet.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use std::{env, fs, io, thread};

use libdeflater::Decompressor;

/// Rounds that are timed; files are in the page cache from the second on.
const ROUNDS: usize = 5;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let bucket = env::args().nth(1).ok_or("usage: trailql-floor BUCKET")?;
    let mut files = Vec::new();
    collect(Path::new(&bucket), &mut files)?;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let bytes = round(&files)?;
        println!("{:.4} {bytes}", start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Finds the gzip files below a folder.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "gz") {
            files.push(path);
        }
    }
    Ok(())
}

/// Takes all files through the three steps; returns the bytes of JSON.
fn round(files: &[PathBuf]) -> Result<usize, Failure> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<usize, Failure> {
        let mut total = 0;
        let mut json = Vec::new();
        let mut packer = zstd::bulk::Compressor::new(1)?;
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            gunzip(&fs::read(path)?, &mut json)?;
            let document: sonic_rs::Value = sonic_rs::from_slice(&json)?;
            drop(document);
            packer.compress(&json)?;
            total += json.len();
        }
        Ok(total)
    };
    let workers = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a worker does not panic")).sum()
    })
}

/// Decompresses one gzip member into `json`, whose size the trailer states.
fn gunzip(packed: &[u8], json: &mut Vec<u8>) -> Result<(), Failure> {
    let trailer = packed.last_chunk::<4>().ok_or("not a gzip file")?;
    json.resize(u32::from_le_bytes(*trailer) as usize, 0);
    let size = Decompressor::new().gzip_decompress(packed, json)?;
    json.truncate(size);
    Ok(())
}
