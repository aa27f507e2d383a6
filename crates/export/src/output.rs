//! One file being written.

use std::io::{BufWriter, Write};

use trailql_store::Stores;

use crate::compression::{Compression, Packer};
use crate::error::ExportError;
use crate::local_file::LocalFile;
use crate::place::Place;
use crate::upload::Upload;

/// Bytes collected before they are written to a file or pipe.
const BUFFER_BYTES: usize = 64 << 10;

/// Takes the bytes of one file, which is in its place when [`finish`](Self::finish) returns, and never before.
pub struct Output {
    name: String,
    packer: Packer,
    sink: Sink,
    bytes_written: u64,
}

enum Sink {
    /// Somebody else's stream, such as standard output; what is written is seen at once.
    Stream(Box<dyn Write + Send>),
    Local(BufWriter<LocalFile>),
    Object(Upload),
}

impl Output {
    /// Begins the file at `place`, whose folder must be there.
    pub async fn create(stores: &Stores, place: &Place, compression: Compression) -> Result<Self, ExportError> {
        let name = place.to_string();
        let sink = match place {
            Place::Local(path) => {
                let file = LocalFile::create(path).map_err(ExportError::io(&name))?;
                Sink::Local(BufWriter::with_capacity(BUFFER_BYTES, file))
            }
            Place::Object(location) => {
                let bucket = stores.bucket(&location.bucket).await?;
                Sink::Object(Upload::new(bucket, stores, place.object_path()?))
            }
        };
        Self::new(name, sink, compression)
    }

    /// Writes to a stream, called `name` in errors, which is flushed at the end.
    pub fn stream(name: &str, stream: Box<dyn Write + Send>, compression: Compression) -> Result<Self, ExportError> {
        Self::new(name.to_owned(), Sink::Stream(stream), compression)
    }

    fn new(name: String, sink: Sink, compression: Compression) -> Result<Self, ExportError> {
        let packer = Packer::new(compression).map_err(ExportError::io(&name))?;
        Ok(Self { name, packer, sink, bytes_written: 0 })
    }

    /// Appends bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        match self.packer.pack(bytes).map_err(ExportError::io(&self.name))? {
            None => self.put(bytes).await,
            Some(packed) => self.put(&packed).await,
        }
    }

    /// Puts the file in its place; returns its size in bytes.
    pub async fn finish(mut self) -> Result<u64, ExportError> {
        self.put_rest().await?;
        let Self { name, sink, bytes_written, .. } = self;
        match sink {
            Sink::Stream(mut stream) => stream.flush().map_err(ExportError::io(&name))?,
            Sink::Local(file) => {
                let file = file.into_inner().map_err(|error| error.into_error()).map_err(ExportError::io(&name))?;
                file.finish().map_err(ExportError::io(&name))?;
            }
            Sink::Object(upload) => upload.finish().await.map_err(ExportError::store(&name))?,
        }
        Ok(bytes_written)
    }

    /// Sends everything, but leaves the last step, which makes an object visible, to [`finish`](Self::finish).
    pub(crate) async fn prepare(&mut self) -> Result<(), ExportError> {
        self.put_rest().await?;
        match &mut self.sink {
            Sink::Object(upload) => upload.prepare().await.map_err(ExportError::store(&self.name)),
            Sink::Local(file) => file.flush().map_err(ExportError::io(&self.name)),
            Sink::Stream(stream) => stream.flush().map_err(ExportError::io(&self.name)),
        }
    }

    async fn put_rest(&mut self) -> Result<(), ExportError> {
        let packer = std::mem::replace(&mut self.packer, Packer::None);
        let rest = packer.finish().map_err(ExportError::io(&self.name))?;
        self.put(&rest).await
    }

    async fn put(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.bytes_written += bytes.len() as u64;
        match &mut self.sink {
            Sink::Stream(stream) => stream.write_all(bytes).map_err(ExportError::io(&self.name)),
            Sink::Local(file) => file.write_all(bytes).map_err(ExportError::io(&self.name)),
            Sink::Object(upload) => upload.write(bytes).await.map_err(ExportError::store(&self.name)),
        }
    }
}
