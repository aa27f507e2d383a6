//! An object in S3, sent in parts and there only when it is complete.

use object_store::path::Path as ObjectPath;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutPayload, Result};
use tokio::task::{JoinHandle, JoinSet};
use trailql_store::{Bucket, Stores};

/// Size of the first parts; S3 takes no smaller ones than 5 MiB.
const PART_BYTES: usize = 8 << 20;

/// Parts after which they get larger by [`PART_BYTES`]: 10,000 parts, S3's limit, then hold 440 GB.
const PARTS_OF_ONE_SIZE: usize = 1000;

/// Parts on their way at once.
const PARTS_AT_ONCE: usize = 4;

/// An object being sent. Dropped before it is complete, it is taken back.
pub(crate) struct Upload {
    bucket: Bucket,
    stores: Stores,
    path: ObjectPath,
    buffer: Vec<u8>,
    /// The request for an upload; a task, as the answer is needed to take the upload back even if nobody waits any more.
    start: Option<JoinHandle<Result<Box<dyn MultipartUpload>>>>,
    parts: Option<Box<dyn MultipartUpload>>,
    part_count: usize,
    in_flight: JoinSet<Result<()>>,
}

impl Upload {
    pub(crate) fn new(bucket: Bucket, stores: &Stores, path: ObjectPath) -> Self {
        Self {
            bucket,
            stores: stores.clone(),
            path,
            buffer: Vec::new(),
            start: None,
            parts: None,
            part_count: 0,
            in_flight: JoinSet::new(),
        }
    }

    pub(crate) async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        let size = PART_BYTES * (1 + self.part_count / PARTS_OF_ONE_SIZE);
        while self.buffer.len() + bytes.len() >= size {
            let (now, later) = bytes.split_at(size - self.buffer.len());
            self.buffer.extend_from_slice(now);
            self.send_part().await?;
            bytes = later;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Sends what is left, so that only the completion is missing.
    pub(crate) async fn prepare(&mut self) -> Result<()> {
        if !self.buffer.is_empty() || self.parts.is_none() {
            self.send_part().await?;
        }
        while let Some(sent) = self.in_flight.join_next().await {
            settled(sent)?;
        }
        Ok(())
    }

    /// Makes the object visible: at once if it is small, by completing its parts otherwise.
    pub(crate) async fn finish(mut self) -> Result<()> {
        if self.parts.is_none() {
            let content = PutPayload::from(std::mem::take(&mut self.buffer));
            return self.bucket.put(&self.path, content).await.map(drop);
        }
        self.prepare().await?;
        if let Some(parts) = &mut self.parts {
            parts.complete().await?;
        }
        self.parts = None;
        Ok(())
    }

    async fn send_part(&mut self) -> Result<()> {
        let parts = match &mut self.parts {
            Some(parts) => parts,
            None => {
                let (bucket, path) = (self.bucket.clone(), self.path.clone());
                let request = async move { bucket.put_multipart_opts(&path, PutMultipartOptions::default()).await };
                let started = settled(self.start.insert(tokio::spawn(request)).await);
                self.start = None;
                self.parts.insert(started?)
            }
        };
        let part = parts.put_part(PutPayload::from(std::mem::take(&mut self.buffer)));
        self.part_count += 1;
        self.in_flight.spawn(part);
        while self.in_flight.len() >= PARTS_AT_ONCE
            && let Some(sent) = self.in_flight.join_next().await
        {
            settled(sent)?;
        }
        Ok(())
    }
}

fn settled<T>(task: std::result::Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    task.map_err(|error| object_store::Error::JoinError { source: error })?
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (start, parts) = (self.start.take(), self.parts.take());
        if start.is_none() && parts.is_none() {
            return;
        }
        let mut in_flight = std::mem::take(&mut self.in_flight);
        let path = self.path.clone();
        // A part that arrives behind the abortion would stay, and cost.
        self.stores.clean_up(async move {
            in_flight.shutdown().await;
            let parts = match start {
                Some(start) => settled(start.await).ok(),
                None => parts,
            };
            let Some(mut parts) = parts else { return };
            if let Err(error) = parts.abort().await {
                tracing::warn!(%path, %error, "the parts of an unfinished upload could not be deleted");
            }
        });
    }
}
