//! A line to a server on this machine that is slower by some milliseconds: what the client sends arrives later, in order
//! and at any bandwidth. So each request on an open connection takes that much longer.
//!
//! `slow_line PORT SERVER_PORT MILLISECONDS`; compile it with `rustc -O`.

use std::io::{Read, Result, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Pieces under way on a connection; enough for any bandwidth of loopback.
const PIECES: usize = 4096;

fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse::<u16>().expect("a number"));
    let mut next = || numbers.next().expect("slow_line PORT SERVER_PORT MILLISECONDS");
    let (port, server, delay) = (next(), next(), Duration::from_millis(next().into()));
    for client in TcpListener::bind(("127.0.0.1", port))?.incoming() {
        let client = client?;
        // A connection that breaks is the business of its two ends.
        thread::spawn(move || drop(serve(client, server, delay)));
    }
    Ok(())
}

fn serve(mut client: TcpStream, server: u16, delay: Duration) -> Result<()> {
    let server = TcpStream::connect(("127.0.0.1", server))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut answers, mut requests) = (server.try_clone()?, client.try_clone()?);
    let (sender, late) = sync_channel(PIECES);
    thread::spawn(move || drop(send_late(server, late)));
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = requests.read(&mut buffer) {
            if sender.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    std::io::copy(&mut answers, &mut client)?;
    client.shutdown(Shutdown::Both)
}

fn send_late(mut server: TcpStream, late: Receiver<(Instant, Vec<u8>)>) -> Result<()> {
    for (due, piece) in late {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        server.write_all(&piece)?;
    }
    server.shutdown(Shutdown::Write)
}
