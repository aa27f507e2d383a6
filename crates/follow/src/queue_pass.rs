//! One round with a queue: take messages, ingest what they announce, delete what is done.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use chrono::Utc;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use trailql_ingest::{IngestError, IngestOptions, ingest};
use trailql_lake::{Lake, REJECTED_FOLDER};
use trailql_source::{Kind, LogKey, SourceError};
use trailql_store::Stores;

use crate::error::FollowError;
use crate::follow::{FollowEvent, FollowOptions, Stop};
use crate::notice::Notice;
use crate::queue::{Message, Queue};

/// How long one request waits for the first message.
const WAIT: Duration = Duration::from_secs(20);

/// Messages of one round: together they make one commit, so that a busy trail does not make thousands.
const ROUND_MESSAGES: usize = 2_000;

/// Deliveries of a message whose object cannot be read before it is put aside.
const MAX_DELIVERIES: u32 = 5;

pub(crate) struct QueuePass<'a> {
    pub(crate) stores: &'a Stores,
    pub(crate) queue: &'a Queue,
    pub(crate) options: &'a FollowOptions,
    pub(crate) stop: &'a Stop,
    pub(crate) tell: &'a (dyn Fn(FollowEvent<'_>) + Sync),
}

impl QueuePass<'_> {
    /// Messages are deleted only when their events are committed, or they are put aside.
    pub(crate) async fn run(self) -> Result<(), FollowError> {
        let (mut done, mut announcing) = (Vec::new(), Vec::new());
        for message in self.gather().await? {
            match Notice::parse(&message.body) {
                Notice::Created(urls) => announcing.push((message, urls)),
                Notice::Nothing => done.push(message),
                Notice::Unknown(reason) => {
                    self.put_aside(&message, &reason).await?;
                    done.push(message);
                }
            }
        }
        let urls: BTreeSet<String> =
            announcing.iter().flat_map(|(_, urls)| urls).filter(|url| is_log(url)).cloned().collect();
        let failed = self.ingest(urls.into_iter().collect()).await?;
        for (message, urls) in announcing {
            let reason = urls.iter().find_map(|url| Some(format!("{url} {}", failed.get(url)?)));
            match reason {
                None => done.push(message),
                Some(reason) if message.deliveries >= MAX_DELIVERIES => {
                    self.put_aside(&message, &reason).await?;
                    done.push(message);
                }
                // It comes again.
                Some(_) => {}
            }
        }
        self.queue.delete(&done).await
    }

    async fn gather(&self) -> Result<Vec<Message>, FollowError> {
        let mut messages = tokio::select! {
            first = self.queue.receive(WAIT) => first?,
            () = self.stop.stopped() => return Ok(Vec::new()),
        };
        while !messages.is_empty() && messages.len() < ROUND_MESSAGES && !self.stop.is_stopped() {
            let more = self.queue.receive(Duration::ZERO).await?;
            if more.is_empty() {
                break;
            }
            messages.extend(more);
        }
        Ok(messages)
    }

    /// Ingests objects by their URLs; returns those that could not be read, with the reason.
    async fn ingest(&self, mut urls: Vec<String>) -> Result<HashMap<String, String>, FollowError> {
        let mut failed = HashMap::new();
        let options = self.options.ingests.first().cloned().unwrap_or_else(|| IngestOptions::new(Vec::new()));
        while !urls.is_empty() {
            let options = IngestOptions { sources: urls.clone(), ..options.clone() };
            match ingest(self.stores, &self.options.lake, &options, self.stop.progress()).await {
                Ok(summary) => {
                    failed.extend(summary.failed.iter().map(|file| (file.file.clone(), file.reason.clone())));
                    (self.tell)(FollowEvent::Ingested(&summary));
                    if summary.interrupted {
                        // Which of them were read is not known: all messages come again, and what was read is known then.
                        failed.extend(urls.into_iter().map(|url| (url, "was not reached".to_owned())));
                    }
                    break;
                }
                Err(IngestError::Source(SourceError::NoLogFiles { path } | SourceError::Missing { path })) => {
                    urls.retain(|url| *url != path);
                    failed.insert(path, "is not there".to_owned());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(failed)
    }

    /// Keeps a message that leads nowhere where the user can look at it.
    async fn put_aside(&self, message: &Message, reason: &str) -> Result<(), FollowError> {
        (self.tell)(FollowEvent::PutAside { message: &message.id, reason });
        let lake = Lake::open(self.stores, &self.options.lake).await?;
        let kept = serde_json::json!({
            "kind": "message", "queue": self.queue.url(), "id": message.id, "reason": reason, "body": message.body,
        });
        let path = Path::from(format!("{REJECTED_FOLDER}/queue/{}/{}.json", Utc::now().format("%Y-%m-%d"), message.id));
        let put = lake.store().put(&path, PutPayload::from(kept.to_string())).await;
        put.map(|_| ()).map_err(|source| FollowError::PutAside { path: path.to_string(), source })
    }
}

/// Whether an object may hold events: digests do not, nor what other services put below `AWSLogs`.
fn is_log(url: &str) -> bool {
    match LogKey::parse(url) {
        Some(key) => key.kind != Kind::Digest,
        None => !url.contains("/AWSLogs/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_logs_are_read() {
        let key = |kind| format!("s3://b/p/AWSLogs/111122223333/{kind}/us-east-1/2024/03/01/f.json.gz");
        assert!(is_log(&key("CloudTrail")));
        assert!(is_log(&key("CloudTrail-Insight")));
        assert!(is_log("s3://b/copied/f.json.gz"));
        assert!(!is_log(&key("CloudTrail-Digest")));
        assert!(!is_log(&key("Config")));
    }
}
