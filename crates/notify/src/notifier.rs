//! Whom to tell, what, and how often.

use std::time::Duration;

use chrono::TimeDelta;

use crate::command::Command;
use crate::email::Email;
use crate::error::NotifyError;
use crate::http::{Slack, Webhook};
use crate::message::{Level, Message, Outcome};
use crate::sent::SentLog;
use crate::sns::Sns;

/// A way to tell somebody.
#[derive(Debug, Clone)]
pub enum Channel {
    /// JSON to a URL, signed.
    Webhook(Webhook),
    /// Text to a URL that takes Slack's format.
    Slack(Slack),
    /// An SNS topic.
    Sns(Sns),
    /// Mail by SMTP.
    Email(Email),
    /// A program with the message on its standard input.
    Command(Command),
}

/// How often sending is tried.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts in all.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles from one to the next.
    pub pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { attempts: 4, pause: Duration::from_secs(1) }
    }
}

/// One receiver with its wishes.
#[derive(Debug, Clone)]
pub struct Notifier {
    /// Name in the configuration.
    pub name: String,
    /// How to reach it.
    pub channel: Channel,
    /// Tell problems of this level or worse.
    pub level: Level,
    /// Tell good news as well.
    pub always: bool,
    /// Tell the same thing once within this span.
    pub window: TimeDelta,
    /// How often to try.
    pub retries: RetryPolicy,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It was sent.
    Sent,
    /// The receiver does not want it: good news, or not bad enough.
    NotWanted,
    /// It was told already within the window.
    Already,
}

impl Notifier {
    /// Tells `message`, unless the receiver does not want it or was told already.
    ///
    /// Transient failures are tried again; what remains is the last error.
    pub async fn notify(&self, message: &Message, sent: &SentLog) -> Result<Told, NotifyError> {
        if !self.wants(message) {
            return Ok(Told::NotWanted);
        }
        let Some(claim) = sent.claim(&self.name, message, self.window).await? else { return Ok(Told::Already) };
        match self.send(message).await {
            Ok(()) => Ok(Told::Sent),
            Err(error) => {
                // Nobody was told, so the next run may.
                sent.release(claim).await?;
                Err(error)
            }
        }
    }

    /// A failure is told whatever its level: nobody knows how bad it is.
    fn wants(&self, message: &Message) -> bool {
        match message.outcome {
            Outcome::Ok => self.always,
            Outcome::Problem => message.level >= self.level,
            Outcome::Failed => true,
        }
    }

    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        let mut pause = self.retries.pause;
        let mut attempt = 1;
        loop {
            match self.send_once(message).await {
                Err(error) if error.is_transient() && attempt < self.retries.attempts => {
                    tracing::info!(notifier = self.name, attempt, %error, "notification will be tried again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn send_once(&self, message: &Message) -> Result<(), NotifyError> {
        match &self.channel {
            Channel::Webhook(webhook) => webhook.send(message).await,
            Channel::Slack(slack) => slack.send(message).await,
            Channel::Sns(sns) => sns.send(message).await,
            Channel::Email(email) => email.send(message).await,
            Channel::Command(command) => command.send(message).await,
        }
    }
}
