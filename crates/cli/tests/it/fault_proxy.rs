//! A proxy between the program and the S3 server that delays, refuses, resets and truncates.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is done to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: it is passed on.
    None,
    /// Passed on after a while.
    Delay(Duration),
    /// Answered with 503 `SlowDown`, and not passed on.
    SlowDown,
    /// Answered with a status and an error code, and not passed on.
    Refuse(u16, &'static str),
    /// The line breaks before the server hears of it.
    Cut,
    /// The server does it, and the line breaks before its answer.
    LoseAnswer,
    /// The line breaks in the middle of the answer's body.
    CutBody,
}

/// A request as a rule sees it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Requests before this one.
    pub(crate) number: usize,
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    /// All of it but the body, in lower case.
    pub(crate) head: String,
}

impl Seen {
    pub(crate) fn is_list(&self) -> bool {
        self.path.contains("list-type=2")
    }

    /// Creation of a commit.
    pub(crate) fn is_commit(&self) -> bool {
        self.method == "PUT" && self.path.contains("/_delta_log/") && self.path.ends_with(".json")
    }
}

type Rule = Box<dyn FnMut(&Seen) -> Fault + Send>;

/// A proxy that runs as long as the tests do.
pub(crate) struct FaultProxy {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    rule: Rule,
    seen: Vec<Seen>,
}

impl FaultProxy {
    /// Listens in front of `server`; `rule` is asked about every request.
    pub(crate) fn start(server: SocketAddr, rule: impl FnMut(&Seen) -> Fault + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { rule: Box::new(rule), seen: Vec::new() }));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A broken line is what the proxy is for.
                std::thread::spawn(move || drop(serve(client, server, &state)));
            }
        });
        Self { address, state }
    }

    /// Requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// Their number.
    pub(crate) fn count(&self) -> usize {
        self.state.lock().unwrap().seen.len()
    }

    /// Puts another rule in place.
    pub(crate) fn set_rule(&self, rule: impl FnMut(&Seen) -> Fault + Send + 'static) {
        self.state.lock().unwrap().rule = Box::new(rule);
    }
}

/// Serves the requests of one connection until it ends or is broken.
fn serve(client: TcpStream, server: SocketAddr, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut client = client;
    while let Some(request) = Request::read(&mut reader)? {
        let fault = {
            let mut state = state.lock().unwrap();
            let head = String::from_utf8_lossy(&request.head).to_lowercase();
            let (method, path) = (request.method.clone(), request.path.clone());
            let seen = Seen { number: state.seen.len(), method, path, head };
            let fault = (state.rule)(&seen);
            state.seen.push(seen);
            fault
        };
        match fault {
            Fault::Cut => return Ok(()),
            Fault::SlowDown => client.write_all(&refusal(503, "SlowDown"))?,
            Fault::Refuse(status, code) => client.write_all(&refusal(status, code))?,
            Fault::LoseAnswer => {
                request.pass_on(server)?;
                return Ok(());
            }
            Fault::CutBody => {
                let answer = request.pass_on(server)?;
                let body = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |end| end + 4);
                client.write_all(&answer[..body + (answer.len() - body) / 2])?;
                return Ok(());
            }
            Fault::None | Fault::Delay(_) => {
                if let Fault::Delay(time) = fault {
                    std::thread::sleep(time);
                }
                client.write_all(&request.pass_on(server)?)?;
            }
        }
    }
    Ok(())
}

fn refusal(status: u16, code: &str) -> Vec<u8> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>by the test</Message></Error>");
    let head = format!("HTTP/1.1 {status} Refused\r\ncontent-type: application/xml\r\ncontent-length: {}", body.len());
    format!("{head}\r\n\r\n{body}").into_bytes()
}

struct Request {
    method: String,
    path: String,
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Request {
    /// Reads the next request of a connection; `None` at its end.
    fn read(reader: &mut impl BufRead) -> std::io::Result<Option<Self>> {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let mut words = first.split(' ');
        let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        let (mut head, mut length) = (first.into_bytes(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line == "\r\n" {
                break;
            }
            let lower = line.to_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if !lower.starts_with("connection:") {
                head.extend_from_slice(line.as_bytes());
            }
        }
        head.extend_from_slice(b"connection: close\r\n\r\n");
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        Ok(Some(Self { method, path, head, body }))
    }

    /// The whole answer of the server, fit for a connection that goes on.
    fn pass_on(&self, server: SocketAddr) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(server)?;
        stream.write_all(&self.head)?;
        stream.write_all(&self.body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(answer.len());
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let kept: Vec<&str> =
            head.split("\r\n").filter(|line| !line.to_lowercase().starts_with("connection:")).collect();
        Ok([kept.join("\r\n").as_bytes(), &answer[end..]].concat())
    }
}
