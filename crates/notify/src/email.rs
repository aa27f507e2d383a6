//! Mail by SMTP.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Message as Mail, SmtpTransport, Transport};

use crate::error::NotifyError;
use crate::message::Message;

/// Time for one command of the server.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Mail to some people, handed to a relay.
///
/// The connection to the relay is not encrypted, so it must be one on this machine or in a network that you trust.
#[derive(Debug, Clone)]
pub struct Email {
    relay: SmtpTransport,
    server: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    template: String,
}

impl Email {
    /// Mail from `from` to `to`, by the relay at `server` and `port`; the text is the filled template.
    pub fn try_new(
        server: &str,
        port: u16,
        from: &str,
        to: &[String],
        login: Option<(String, String)>,
        template: String,
    ) -> Result<Self, NotifyError> {
        let mailbox = |address: &str| {
            address.parse::<Mailbox>().map_err(|error| NotifyError::Configuration {
                receiver: format!("the mail address '{address}'"),
                reason: error.to_string(),
            })
        };
        let mut builder = SmtpTransport::builder_dangerous(server).port(port);
        if let Some((user, password)) = login {
            builder = builder.credentials(Credentials::new(user, password));
        }
        let to = to.iter().map(|address| mailbox(address)).collect::<Result<_, _>>()?;
        let relay = builder.timeout(Some(TIMEOUT)).build();
        Ok(Self { relay, server: format!("{server}:{port}"), from: mailbox(from)?, to, template })
    }

    pub(crate) async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        let receiver = || format!("the mail server {}", self.server);
        let mut mail = Mail::builder().from(self.from.clone()).subject(one_line(&message.subject));
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        let mail = mail
            .header(ContentType::TEXT_PLAIN)
            .body(message.fill(&self.template))
            .map_err(|error| NotifyError::Configuration { receiver: receiver(), reason: error.to_string() })?;
        let relay = self.relay.clone();
        let sent = tokio::task::spawn_blocking(move || relay.send(&mail)).await;
        let sent =
            sent.map_err(|error| NotifyError::Unreachable { receiver: receiver(), reason: error.to_string() })?;
        match sent {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => {
                Err(NotifyError::Refused { receiver: receiver(), reason: error.to_string() })
            }
            Err(error) => Err(NotifyError::Unreachable { receiver: receiver(), reason: error.to_string() }),
        }
    }
}

/// A line end in a subject would start another header.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
