//! Mail by SMTP.

use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Message as Mail, SmtpTransport, Transport};

use crate::error::NotifyError;
use crate::message::Message;

/// Time for one command of the server.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How a connection to a mail relay is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// In the open, login included: for a relay on this machine, or in a network that you trust.
    None,
    /// By the command STARTTLS (RFC 3207); a relay without it is refused.
    StartTls,
    /// From the first byte (RFC 8314).
    Implicit,
}

impl MailTls {
    /// The port that relays take such connections at.
    pub fn port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::StartTls => 587,
            Self::Implicit => 465,
        }
    }
}

/// Where mail is handed in.
#[derive(Debug, Clone)]
pub struct MailRelay {
    /// Its name, which its certificate must be for.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others; certificates are checked against those that this machine trusts.
    pub tls: MailTls,
    /// User and password.
    pub login: Option<(String, String)>,
}

/// Mail to some people, handed to a relay.
#[derive(Debug, Clone)]
pub struct Email {
    relay: SmtpTransport,
    server: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    template: String,
}

impl Email {
    /// Mail from `from` to `to` by a relay; the text is the filled template.
    pub fn try_new(relay: MailRelay, from: &str, to: &[String], template: String) -> Result<Self, NotifyError> {
        let mailbox = |address: &str| {
            address.parse::<Mailbox>().map_err(|error| NotifyError::Configuration {
                receiver: format!("the mail address '{address}'"),
                reason: error.to_string(),
            })
        };
        let to = to.iter().map(|address| mailbox(address)).collect::<Result<_, _>>()?;
        let server = format!("{}:{}", relay.host, relay.port);
        Ok(Self { relay: transport(relay)?, server, from: mailbox(from)?, to, template })
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

fn transport(relay: MailRelay) -> Result<SmtpTransport, NotifyError> {
    let parameters = || {
        TlsParameters::new(relay.host.clone()).map_err(|error| NotifyError::Configuration {
            receiver: format!("the mail server {}", relay.host),
            reason: error.to_string(),
        })
    };
    let tls = match relay.tls {
        MailTls::None => Tls::None,
        MailTls::StartTls => Tls::Required(parameters()?),
        MailTls::Implicit => Tls::Wrapper(parameters()?),
    };
    let mut builder = SmtpTransport::builder_dangerous(&relay.host).port(relay.port).tls(tls).timeout(Some(TIMEOUT));
    if let Some((user, password)) = relay.login {
        builder = builder.credentials(Credentials::new(user, password));
    }
    Ok(builder.build())
}

/// A line end in a subject would start another header.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
