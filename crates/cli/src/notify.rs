//! Whom trailql.toml says to tell, and telling them.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::TimeDelta;
use object_store::memory::InMemory;
use object_store::path::Path;
use trailql_config::Config;
use trailql_lake::Lake;
use trailql_notify::{
    Channel, Command, Email, Level, MailRelay, MailTls, Message, Notifier, NotifyError, RetryPolicy, SentLog, Slack,
    Sns, Webhook,
};
use trailql_store::Stores;

use crate::account::Account;
use crate::error::{CliError, Outcome};
use crate::globals::Globals;

/// Where a lake keeps what was told.
const TOLD: &str = "_schedule/told";

/// Text of a message where the configuration says nothing else.
const TEMPLATE: &str = "[{level}] {subject}\n{text}";

/// Whom to tell of a run.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct NotifyArgs {
    /// Tell this `[[notify]]` of trailql.toml how it went, as its severity and `always` say; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) notify: Vec<String>,
}

/// Tells of one run, when it is over.
pub(crate) struct Teller<'a> {
    globals: &'a Globals,
    notifiers: Vec<Notifier>,
}

impl NotifyArgs {
    /// Checks whom to tell, ahead of the work.
    pub(crate) async fn prepare<'a>(&self, globals: &'a Globals) -> Result<Teller<'a>, CliError> {
        Ok(Teller { globals, notifiers: notifiers(globals, &self.notify).await? })
    }
}

impl Teller<'_> {
    /// Tells what became of `job`, and returns it: as `untold` if all went well but somebody could not be told.
    pub(crate) async fn tell(
        &self,
        job: &str,
        result: Result<(Outcome, Account), CliError>,
        untold: Outcome,
    ) -> Result<Outcome, CliError> {
        if let (Some(path), Ok((_, account))) = (&self.globals.scheduled, &result) {
            account.write(path)?;
        }
        let message = match &result {
            Ok((Outcome::Interrupted, _)) => return Ok(Outcome::Interrupted),
            Ok((outcome, account)) => account.message(job, *outcome),
            Err(error) => {
                let (subject, text) = ("failed".to_owned(), error.text());
                let account = Account { subject, problems: text.clone(), text, ..Account::default() };
                account.message(job, Outcome::NotChecked)
            }
        };
        let mut failures = Vec::new();
        if !self.notifiers.is_empty() {
            failures = tell(&self.notifiers, &message, &self.sent_log().await).await;
        }
        failures.iter().for_each(|failure| eprintln!("trailql: {failure}"));
        match result? {
            (Outcome::Done, _) if !failures.is_empty() => Ok(untold),
            (outcome, _) => Ok(outcome),
        }
    }

    /// The record in the lake; without one, everything is told.
    async fn sent_log(&self) -> SentLog {
        match Lake::open(&self.globals.stores, &self.globals.lake).await {
            Ok(lake) => sent_log(&lake),
            Err(_) => SentLog::new(Arc::new(InMemory::new()), Path::from(TOLD)),
        }
    }
}

/// The receivers of these names.
pub(crate) async fn notifiers(globals: &Globals, names: &[String]) -> Result<Vec<Notifier>, CliError> {
    let mut notifiers = Vec::new();
    for name in names {
        notifiers.push(notifier(globals, name).await?);
    }
    Ok(notifiers)
}

/// The record of what was told, in the lake.
pub(crate) fn sent_log(lake: &Lake) -> SentLog {
    SentLog::new(lake.store(), Path::from(TOLD))
}

/// Tells everybody; the errors say who was not told.
pub(crate) async fn tell(notifiers: &[Notifier], message: &Message, sent: &SentLog) -> Vec<String> {
    let mut failures = Vec::new();
    for notifier in notifiers {
        if let Err(error) = notifier.notify(message, sent).await {
            failures.push(format!("notification {} was not sent: {error}", notifier.name));
        }
    }
    failures
}

async fn notifier(globals: &Globals, name: &str) -> Result<Notifier, CliError> {
    let config = &globals.config;
    if !config.names("notify").contains(&name) {
        return Err(CliError::usage(format!("trailql.toml has no [[notify]] named '{name}'")));
    }
    let settings = Settings { config, name, stores: &globals.stores };
    let level = match settings.optional("severity") {
        None => Level::Medium,
        Some(text) => {
            Level::parse(text).ok_or_else(|| settings.wrong("severity", text, "info, low, medium, high or critical"))?
        }
    };
    Ok(Notifier {
        name: name.to_owned(),
        channel: settings.channel().await?,
        level,
        always: config.is_true(&settings.path("always")),
        window: config.span(&settings.path("window")).unwrap_or_else(|| TimeDelta::hours(1)),
        retries: RetryPolicy::default(),
    })
}

/// One table of `[[notify]]`.
struct Settings<'a> {
    config: &'a Config,
    stores: &'a Stores,
    name: &'a str,
}

impl Settings<'_> {
    fn path(&self, key: &str) -> String {
        format!("notify.{}.{key}", self.name)
    }

    fn optional(&self, key: &str) -> Option<&str> {
        self.config.text(&self.path(key))
    }

    fn required(&self, key: &str) -> Result<&str, CliError> {
        self.optional(key).ok_or_else(|| CliError::usage(format!("trailql.toml: {} is missing", self.path(key))))
    }

    fn wrong(&self, key: &str, value: &str, known: &str) -> CliError {
        CliError::usage(format!("trailql.toml: {} = '{value}' is not known", self.path(key)))
            .hint(format!("write {known}"))
    }

    /// The variable that a key names; secrets are nowhere else.
    fn variable(&self, key: &str) -> Result<Option<String>, CliError> {
        let Some(variable) = self.optional(key) else { return Ok(None) };
        let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
        value.map(Some).ok_or_else(|| {
            CliError::usage(format!("the environment variable {variable} is empty; {} names it", self.path(key)))
        })
    }

    fn template(&self) -> String {
        self.optional("template").unwrap_or(TEMPLATE).to_owned()
    }

    fn url(&self) -> Result<url::Url, CliError> {
        let text = match self.variable("url_env")? {
            Some(text) => text,
            None => self.required("url")?.to_owned(),
        };
        // The text may be a secret.
        text.parse().map_err(|error| CliError::usage(format!("trailql.toml: {}: {error}", self.path("url"))))
    }

    async fn channel(&self) -> Result<Channel, CliError> {
        Ok(match self.required("kind")? {
            "webhook" => {
                let key = self.variable("signing_key_env")?.map(String::into_bytes);
                Channel::Webhook(Webhook::new(self.url()?, key))
            }
            "slack" => Channel::Slack(Slack::new(self.url()?, self.template())),
            "sns" => {
                let topic = self.required("topic")?.to_owned();
                Channel::Sns(Sns::new(&self.stores.sdk_config().await, topic, self.template()))
            }
            "email" => Channel::Email(self.email()?),
            "command" => {
                let words = self.config.list(&self.path("command"));
                let command = Command::new(words);
                Channel::Command(
                    command
                        .ok_or_else(|| CliError::usage(format!("trailql.toml: {} is missing", self.path("command"))))?,
                )
            }
            other => return Err(self.wrong("kind", other, "webhook, slack, sns, email or command")),
        })
    }

    fn email(&self) -> Result<Email, CliError> {
        let server = self.required("server")?;
        if server.contains("://") {
            let problem = format!("trailql.toml: {} = '{server}' is not HOST or HOST:PORT", self.path("server"));
            return Err(CliError::usage(problem).hint("for smtps:// leave that out and set tls = 'implicit'"));
        }
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) => {
                (host, Some(port.parse().map_err(|_| self.wrong("server", server, "HOST or HOST:PORT"))?))
            }
            None => (server, None),
        };
        let tls = match self.optional("tls") {
            None if is_this_machine(host) => MailTls::None,
            None | Some("starttls") => MailTls::StartTls,
            Some("implicit") => MailTls::Implicit,
            Some("none") => MailTls::None,
            Some(other) => return Err(self.wrong("tls", other, "starttls, implicit or none")),
        };
        let login = self.variable("user_env")?.zip(self.variable("login_env")?);
        let relay = MailRelay { host: host.to_owned(), port: port.unwrap_or_else(|| tls.port()), tls, login };
        let to = self.config.list(&self.path("to"));
        let failed = |error: NotifyError| CliError::usage(error);
        Email::try_new(relay, self.required("from")?, to, self.template()).map_err(failed)
    }
}

/// Whether nobody but this machine sees a connection to that host.
fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}
