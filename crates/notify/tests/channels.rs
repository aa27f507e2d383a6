//! Every channel against a server that is really there.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::{Child, Command as Process, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use chrono::{DateTime, TimeDelta};
use hmac::{Hmac, KeyInit, Mac};
use object_store::memory::InMemory;
use object_store::path::Path;
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use trailql_notify::{
    Channel, Command, Email, Level, MailRelay, MailTls, Message, Notifier, NotifyError, Outcome, RetryPolicy, SentLog,
    Slack, Sns, Told, Webhook,
};

fn message(outcome: Outcome, level: Level) -> Message {
    Message {
        job: "daily".to_owned(),
        outcome,
        level,
        subject: "3 findings\r\nBcc: x".to_owned(),
        text: "<!channel> root was used".to_owned(),
        key: "root was used".to_owned(),
        time: DateTime::UNIX_EPOCH + TimeDelta::days(20_000),
        details: serde_json::json!({"violated": 1}),
    }
}

fn notifier(channel: Channel) -> Notifier {
    let retries = RetryPolicy { attempts: 3, pause: Duration::from_millis(1) };
    Notifier {
        name: "ops".to_owned(),
        channel,
        level: Level::Medium,
        always: false,
        window: TimeDelta::hours(1),
        retries,
    }
}

fn sent() -> SentLog {
    SentLog::new(Arc::new(InMemory::new()), Path::from("_schedule/told"))
}

/// Headers (lower case) and bodies of the requests that a server got.
type Requests = Arc<Mutex<Vec<(String, String)>>>;

/// An HTTP server that gives these answers in turn, and 200 from then on.
async fn serve(answers: &'static [u16]) -> (url::Url, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
    let requests = Requests::default();
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let (mut head, mut line) = (String::new(), String::new());
            while stream.read_line(&mut line).await.unwrap() > 2 {
                head.push_str(&line.to_ascii_lowercase());
                line.clear();
            }
            let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            let number = {
                let mut seen = seen.lock().unwrap();
                seen.push((head, String::from_utf8(body).unwrap()));
                seen.len() - 1
            };
            let status = answers.get(number).unwrap_or(&200);
            let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, requests)
}

#[tokio::test]
async fn a_webhook_gets_signed_json() {
    let (url, requests) = serve(&[]).await;
    let webhook = notifier(Channel::Webhook(Webhook::new(url, Some(b"key".to_vec()))));
    assert_eq!(webhook.notify(&message(Outcome::Problem, Level::High), &sent()).await.unwrap(), Told::Sent);
    let (head, body) = requests.lock().unwrap()[0].clone();
    let header = |name: &str| head.split(&format!("{name}: ")).nth(1).unwrap().lines().next().unwrap().to_owned();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"key").unwrap();
    mac.update(format!("{}.{body}", header("x-trailql-timestamp")).as_bytes());
    assert_eq!(header("x-trailql-signature"), format!("sha256={}", hex::encode(mac.finalize().into_bytes())));
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((body["level"].as_str(), body["details"]["violated"].as_u64()), (Some("high"), Some(1)));
}

#[tokio::test]
async fn busy_receivers_are_tried_again_and_refusals_are_not() {
    let (url, requests) = serve(&[503, 429]).await;
    let webhook = notifier(Channel::Webhook(Webhook::new(url, None)));
    assert_eq!(webhook.notify(&message(Outcome::Failed, Level::Info), &sent()).await.unwrap(), Told::Sent);
    assert_eq!(requests.lock().unwrap().len(), 3);
    let (url, requests) = serve(&[404]).await;
    let webhook = notifier(Channel::Webhook(Webhook::new(url, None)));
    let log = sent();
    let refused = webhook.notify(&message(Outcome::Failed, Level::Info), &log).await;
    assert!(matches!(refused, Err(NotifyError::Refused { .. })), "{refused:?}");
    assert_eq!(requests.lock().unwrap().len(), 1);
    // Nobody was told, so the next run tells.
    assert_eq!(webhook.notify(&message(Outcome::Failed, Level::Info), &log).await.unwrap(), Told::Sent);
}

#[tokio::test]
async fn the_same_is_told_once_in_a_window_and_trifles_are_not_told() {
    let (url, requests) = serve(&[]).await;
    let slack = notifier(Channel::Slack(Slack::new(url, "{subject}: {text}".to_owned())));
    let log = sent();
    let problem = message(Outcome::Problem, Level::High);
    assert_eq!(slack.notify(&problem, &log).await.unwrap(), Told::Sent);
    assert_eq!(slack.notify(&problem, &log).await.unwrap(), Told::Already);
    let as_before = Message { subject: "3 findings in 9 events".to_owned(), ..problem.clone() };
    assert_eq!(slack.notify(&as_before, &log).await.unwrap(), Told::Already);
    let later = Message { time: problem.time + TimeDelta::hours(1), ..problem.clone() };
    assert_eq!(slack.notify(&later, &log).await.unwrap(), Told::Sent);
    let another = Message { key: "root was used twice".to_owned(), ..problem.clone() };
    assert_eq!(slack.notify(&another, &log).await.unwrap(), Told::Sent);
    assert_eq!(slack.notify(&message(Outcome::Problem, Level::Low), &log).await.unwrap(), Told::NotWanted);
    assert_eq!(slack.notify(&message(Outcome::Ok, Level::Info), &log).await.unwrap(), Told::NotWanted);
    let bodies: Vec<String> = requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies[0].contains("&lt;!channel&gt; root was used"), "{}", bodies[0]);
}

#[tokio::test]
async fn mail_is_delivered_with_one_subject() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(receive_mail(listener));
    let to = ["Ops <ops@example.org>".to_owned()];
    let relay = MailRelay { host: "127.0.0.1".to_owned(), port, tls: MailTls::None, login: None };
    let email = Email::try_new(relay.clone(), "trailql@example.org", &to, "{text}".to_owned()).unwrap();
    notifier(Channel::Email(email)).notify(&message(Outcome::Problem, Level::High), &sent()).await.unwrap();
    let mail = server.await.unwrap();
    assert!(mail.contains("Subject: 3 findings  Bcc: x"), "{mail}");
    assert!(mail.contains("root was used") && !mail.contains("\nBcc:"), "{mail}");
    assert!(Email::try_new(relay, "nobody", &to, String::new()).is_err());
}

/// Speaks SMTP with one client and returns the mail.
async fn receive_mail(listener: TcpListener) -> String {
    let mut stream = BufReader::new(listener.accept().await.unwrap().0);
    stream.write_all(b"220 here\r\n").await.unwrap();
    let (mut mail, mut line, mut is_data) = (String::new(), String::new(), false);
    while stream.read_line(&mut line).await.unwrap() > 0 {
        let answer: &[u8] = match line.trim_end() {
            "." if is_data => {
                stream.write_all(b"250 kept\r\n").await.unwrap();
                return mail;
            }
            text if is_data => {
                mail.push_str(text);
                mail.push('\n');
                b""
            }
            "DATA" => {
                is_data = true;
                b"354 go on\r\n"
            }
            _ => b"250 fine\r\n",
        };
        stream.write_all(answer).await.unwrap();
        line.clear();
    }
    mail
}

#[cfg(unix)]
#[tokio::test]
async fn a_command_reads_the_message() {
    let folder = std::env::temp_dir().join(format!("trailql-notify-{}", std::process::id()));
    let words = ["sh", "-c", "cat > \"$0\"", folder.to_str().unwrap()].map(str::to_owned);
    let command = notifier(Channel::Command(Command::new(&words).unwrap()));
    command.notify(&message(Outcome::Problem, Level::High), &sent()).await.unwrap();
    let told = std::fs::read_to_string(&folder).unwrap();
    std::fs::remove_file(&folder).unwrap();
    assert!(told.contains("\"job\":\"daily\""), "{told}");
    let failing = notifier(Channel::Command(Command::new(&["false".to_owned()]).unwrap()));
    assert!(failing.notify(&message(Outcome::Problem, Level::High), &sent()).await.is_err());
}

/// A running moto server, which ends with the test.
struct Moto(Child);

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_topic_gets_the_message() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let program = std::env::var("TRAILQL_MOTO_SERVER").unwrap_or_else(|_| "moto_server".to_owned());
    let started =
        Process::new(program).args(["-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(child) = started else {
        println!("skipped: moto_server is not installed");
        return;
    };
    let _moto = Moto(child);
    let deadline = Instant::now() + Duration::from_secs(60);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(Instant::now() < deadline, "moto_server does not listen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let credentials = Credentials::new("testing", "testing", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(format!("http://127.0.0.1:{port}"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let topic = aws_sdk_sns::Client::new(&config).create_topic().name("ops").send().await.unwrap().topic_arn.unwrap();
    let sns = notifier(Channel::Sns(Sns::new(&config, topic.clone(), "{subject}".to_owned())));
    assert_eq!(sns.notify(&message(Outcome::Problem, Level::High), &sent()).await.unwrap(), Told::Sent);
    let missing = notifier(Channel::Sns(Sns::new(&config, topic.replace("ops", "none"), "x".to_owned())));
    assert!(matches!(
        missing.notify(&message(Outcome::Failed, Level::High), &sent()).await,
        Err(NotifyError::Refused { .. })
    ));
}
