//! A program that is told on its standard input.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::error::NotifyError;
use crate::message::Message;

/// Time for the program.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A program with arguments; no shell reads them.
#[derive(Debug, Clone)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
}

impl Command {
    /// The program and its arguments; `None` for nothing at all.
    pub fn new(words: &[String]) -> Option<Self> {
        let (program, arguments) = words.split_first()?;
        Some(Self { program: program.clone(), arguments: arguments.to_vec() })
    }

    /// Gives the message as JSON; any exit code but 0 is a refusal.
    pub(crate) async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        let refused = |reason: String| NotifyError::Refused { receiver: self.program.clone(), reason };
        let body = serde_json::to_vec(message).map_err(|error| refused(error.to_string()))?;
        let mut child = tokio::process::Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| refused(format!("it cannot be started: {error}")))?;
        let stdin = child.stdin.take();
        let run = async {
            if let Some(mut stdin) = stdin {
                // A program need not read all that it is told.
                let _ = stdin.write_all(&body).await;
            }
            child.wait().await
        };
        match tokio::time::timeout(TIMEOUT, run).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(refused(format!("it ended with {status}"))),
            Ok(Err(error)) => Err(refused(error.to_string())),
            Err(_) => Err(refused(format!("it did not end within {} s", TIMEOUT.as_secs()))),
        }
    }
}
