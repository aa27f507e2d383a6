//! Where a report goes: standard output, a file, or a folder with one file per query.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use trailql_sql::{Format, TerminalGuard};

use crate::error::CliError;
use crate::result_file::ResultFile;

/// Bytes collected before they are written.
const BUFFER_BYTES: usize = 64 << 10;

/// Where the results go.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    /// Standard output.
    Stdout,
    /// One file.
    File(PathBuf),
    /// A folder, with a file for each query.
    Folder(PathBuf),
}

/// An output being written: a file is there whole, or not at all.
pub(crate) enum Output {
    Stdout(Box<dyn Write + Send>),
    File { path: PathBuf, file: BufWriter<ResultFile> },
    Gzip { path: PathBuf, file: Box<GzEncoder<ResultFile>> },
}

/// Whether files are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Compress {
    /// As they are.
    #[default]
    None,
    /// With gzip; a file in a folder gets the ending `.gz`.
    Gzip,
}

/// Name of a query's file in a folder.
pub(crate) fn file_name(name: &str, format: Format, compress: Compress) -> String {
    let ending = if compress == Compress::Gzip { ".gz" } else { "" };
    format!("{name}.{}{ending}", extension(format))
}

impl Destination {
    /// What `-o` means: a folder if it is one or ends like one.
    pub(crate) fn parse(output: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = output else { return Ok(Self::Stdout) };
        let text = path.to_string_lossy();
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(CliError::usage(format!("{text}: results cannot be written to {scheme}:// yet"))
                .hint("write a file or folder with -o, and copy it"));
        }
        Ok(if path.is_dir() || text.ends_with('/') { Self::Folder(path.into()) } else { Self::File(path.into()) })
    }

    /// Whether it is a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdout) && io::stdout().is_terminal()
    }

    /// Begins the file of a query in a folder.
    pub(crate) fn open_in(folder: &Path, name: &str, compress: Compress) -> Result<Output, CliError> {
        std::fs::create_dir_all(folder)
            .map_err(|error| CliError::failure(format!("making the folder {}: {error}", folder.display())))?;
        Output::file(&folder.join(name), compress)
    }

    /// Begins the one output of everything; a folder gets the file `report`.
    pub(crate) fn open(&self, format: Format, compress: Compress) -> Result<Output, CliError> {
        match self {
            Self::Stdout if self.is_terminal() => Ok(Output::Stdout(Box::new(TerminalGuard::new(io::stdout())))),
            Self::Stdout => Ok(Output::Stdout(Box::new(BufWriter::with_capacity(BUFFER_BYTES, io::stdout())))),
            Self::File(path) => Output::file(path, compress),
            Self::Folder(folder) => Self::open_in(folder, &file_name("report", format, compress), compress),
        }
    }
}

impl Output {
    fn file(path: &Path, compress: Compress) -> Result<Self, CliError> {
        let file = ResultFile::create(path).map_err(|error| failed(path, &error))?;
        let path = path.to_owned();
        Ok(match compress {
            Compress::None => Self::File { path, file: BufWriter::with_capacity(BUFFER_BYTES, file) },
            Compress::Gzip => Self::Gzip { path, file: Box::new(GzEncoder::new(file, Compression::default())) },
        })
    }

    /// Puts the file in its place.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        match self {
            Self::Stdout(mut out) => Ok(out.flush()?),
            Self::File { path, file } => {
                let file = file.into_inner().map_err(|error| failed(&path, error.error()))?;
                file.finish().map_err(|error| failed(&path, &error))
            }
            Self::Gzip { path, file } => {
                let file = file.finish().map_err(|error| failed(&path, &error))?;
                file.finish().map_err(|error| failed(&path, &error))
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File { file, .. } => file.write(bytes),
            Self::Gzip { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File { file, .. } => file.flush(),
            Self::Gzip { file, .. } => file.flush(),
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::failure(format!("writing {}: {error}", path.display()))
}

/// The ending of a format's files.
fn extension(format: Format) -> &'static str {
    match format {
        Format::Table | Format::Vertical => "txt",
        Format::Markdown => "md",
        other => other.name(),
    }
}
