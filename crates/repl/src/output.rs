//! Where results go: the terminal, through a pager when they are long, a file, or a command.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::{Child, Command, Stdio};

use crate::command::Target;
use crate::error::ReplError;

/// Pager where `PAGER` names none: no wrapping, stays out of the way of one screen, passes UTF-8 on.
const DEFAULT_PAGER: &str = "less -SRFX";

/// The current destination of results.
pub(crate) enum Output {
    Terminal,
    File(BufWriter<File>),
    Pipe(Child),
}

impl Output {
    /// Opens a destination.
    pub(crate) fn open(target: Target) -> Result<Self, ReplError> {
        Ok(match target {
            Target::Terminal => Self::Terminal,
            Target::File(path) => {
                let file = File::create(&path).map_err(|source| ReplError::File { path, source })?;
                Self::File(BufWriter::new(file))
            }
            Target::Pipe(command) => Self::Pipe(spawn(&command)?),
        })
    }

    /// Says whether results appear on the terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal)
    }

    /// Starts one result; `screen_rows` is the terminal's height if a pager may be used.
    pub(crate) fn begin(&mut self, screen_rows: Option<usize>) -> ResultOutput<'_> {
        match self {
            Self::Terminal => ResultOutput::Screen(Paged::new(screen_rows)),
            Self::File(file) => ResultOutput::Writer(file),
            Self::Pipe(child) => match &mut child.stdin {
                Some(stdin) => ResultOutput::Writer(stdin),
                None => ResultOutput::Screen(Paged::new(screen_rows)),
            },
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Self::Pipe(child) = self {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// The destination of one result.
pub(crate) enum ResultOutput<'a> {
    Screen(Paged),
    Writer(&'a mut (dyn Write + Send)),
}

impl ResultOutput<'_> {
    /// Ends the result: shows what was held back, or waits until the user has left the pager.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Screen(paged) => paged.finish(),
            Self::Writer(writer) => writer.flush(),
        }
    }
}

impl Write for ResultOutput<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Screen(paged) => paged.write(bytes),
            Self::Writer(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            // A pager decides by itself when to draw.
            Self::Screen(_) => Ok(()),
            Self::Writer(writer) => writer.flush(),
        }
    }
}

/// Holds lines back until they exceed the screen; then a pager gets them and all that follows.
pub(crate) struct Paged {
    screen_rows: Option<usize>,
    held: Vec<u8>,
    held_lines: usize,
    pager: Option<Child>,
}

impl Paged {
    fn new(screen_rows: Option<usize>) -> Self {
        Self { screen_rows, held: Vec::new(), held_lines: 0, pager: None }
    }

    fn start_pager(&mut self) -> io::Result<()> {
        let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
        let command = pager.unwrap_or_else(|| DEFAULT_PAGER.to_owned());
        match spawn(&command) {
            Ok(child) => self.pager = Some(child),
            // Without a pager the result still comes.
            Err(_) => self.screen_rows = None,
        }
        let held = std::mem::take(&mut self.held);
        self.write_on(&held)
    }

    fn write_on(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.pager.as_mut().and_then(|pager| pager.stdin.as_mut()) {
            Some(stdin) => stdin.write_all(bytes),
            None => io::stdout().write_all(bytes),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let mut stdout = io::stdout();
        stdout.write_all(&held)?;
        stdout.flush()?;
        if let Some(mut pager) = self.pager.take() {
            drop(pager.stdin.take());
            pager.wait()?;
        }
        Ok(())
    }
}

impl Write for Paged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(rows) = self.screen_rows.filter(|_| self.pager.is_none()) else {
            self.write_on(bytes)?;
            return Ok(bytes.len());
        };
        self.held.extend_from_slice(bytes);
        self.held_lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        // One row is the status line's, one the prompt's.
        if self.held_lines + 2 > rows {
            self.start_pager()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Paged {
    fn drop(&mut self) {
        if let Some(mut pager) = self.pager.take() {
            drop(pager.stdin.take());
            let _ = pager.wait();
        }
    }
}

fn spawn(command: &str) -> Result<Child, ReplError> {
    Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|source| ReplError::Program { program: command.to_owned(), source })
}
