//! What was told when, so that the same is not told over and over, nor by two processes.
//!
//! One object per receiver, message and window: `PREFIX/<receiver>/<fingerprint>-<window number>`. Whoever creates it
//! first sends; object stores and file systems let only one win.

use std::sync::Arc;

use chrono::TimeDelta;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::error::NotifyError;
use crate::message::Message;

/// The record of what was told.
#[derive(Debug, Clone)]
pub struct SentLog {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
}

/// The right to tell one message.
#[derive(Debug)]
pub(crate) struct Claim(Option<Path>);

impl SentLog {
    /// Keeps the record below `prefix` of `store`.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: Path) -> Self {
        Self { store, prefix }
    }

    /// Takes the right to tell `message` to `receiver`; `None` if it was told within `window`.
    ///
    /// Windows are slices of the time line, not counted from the first message: that needs no clock agreed upon but
    /// may tell the same thing twice in a row where one slice ends.
    pub(crate) async fn claim(
        &self,
        receiver: &str,
        message: &Message,
        window: TimeDelta,
    ) -> Result<Option<Claim>, NotifyError> {
        let seconds = window.num_seconds();
        if seconds <= 0 {
            return Ok(Some(Claim(None)));
        }
        let slice = message.time.timestamp().div_euclid(seconds);
        let path = self.prefix.clone().join(receiver).join(format!("{}-{slice}", message.fingerprint()));
        let options = PutOptions::from(PutMode::Create);
        match self.store.put_opts(&path, PutPayload::from(message.time.to_rfc3339()), options).await {
            Ok(_) => Ok(Some(Claim(Some(path)))),
            Err(Error::AlreadyExists { .. }) => Ok(None),
            Err(source) => Err(NotifyError::Record { path: path.to_string(), source }),
        }
    }

    /// Gives the right back: the message was not told.
    pub(crate) async fn release(&self, claim: Claim) -> Result<(), NotifyError> {
        let Some(path) = claim.0 else { return Ok(()) };
        self.store.delete(&path).await.map_err(|source| NotifyError::Record { path: path.to_string(), source })
    }
}
