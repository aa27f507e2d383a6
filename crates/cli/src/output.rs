//! The options that say where results go and in which form, alike for `sql` and `report run`.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use trailql_export::{Compression, Output, Place};
use trailql_sql::{ExportOptions, Format, FormatOptions, TerminalGuard};
use trailql_store::Stores;
use url::Url;

use crate::error::CliError;
use crate::quicksight::{self, manifest};

/// Longest cell of a table on a terminal, in columns; a file or pipe gets values whole.
const MAX_CELL_WIDTH: usize = 80;

/// Bytes collected before they are written to a pipe.
const BUFFER_BYTES: usize = 64 << 10;

/// Where results go, and in which form.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    #[arg(long, value_name = "FORMAT", help = format_help(), value_parser = parse_format)]
    pub(crate) format: Option<Format>,

    /// File or s3:// URL for the results, or a folder (ending with /); there whole or not at all
    #[arg(short, long, value_name = "PLACE")]
    pub(crate) output: Option<String>,

    /// Compress: gzip or zstd; for parquet zstd, snappy or none [default: as the name of the file says]
    #[arg(long, value_name = "HOW")]
    compress: Option<String>,

    /// Columns that become folders, COLUMN=VALUE/, of the folder that -o names
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',', requires = "output")]
    pub(crate) partition_by: Vec<String>,

    /// Replace files in a folder that is not empty
    #[arg(long, requires = "output")]
    overwrite: bool,

    /// Leave out the line of column names in csv and tsv
    #[arg(long)]
    no_header: bool,

    /// What stands for NULL in csv and tsv [default: nothing]
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    null: String,

    /// Write CSV and TSV cells as they are, also those that a spreadsheet would run as formulas
    #[arg(long)]
    csv_verbatim: bool,

    /// Write a manifest for QuickSight beside each file, for the file at this place in S3, where it is or will be copied
    #[arg(long, value_name = "S3_URL", value_parser = quicksight::parse_prefix, requires = "output")]
    pub(crate) quicksight_manifest: Option<Url>,
}

/// The options as meant.
pub(crate) struct Target {
    /// Where to; `None` is standard output.
    pub(crate) place: Option<Place>,
    /// How.
    pub(crate) options: ExportOptions,
    manifest: Option<Url>,
}

impl OutputArgs {
    /// Checks the options and fills in what follows from names and from where standard output goes.
    pub(crate) fn resolve(&self) -> Result<Target, CliError> {
        let place = self.output.as_deref().map(Place::parse).transpose()?;
        let is_terminal = place.is_none() && io::stdout().is_terminal();
        let file = place.as_ref().filter(|place| !place.is_folder()).map(Place::file_name).unwrap_or_default();
        let format = match self.format.or_else(|| Format::of_file_name(&file)) {
            Some(format) => format,
            None if has_ending(&file) => {
                return Err(CliError::usage(format!("{file} does not say in which format"))
                    .hint("add --format csv or another, or name a file that ends with .csv, .parquet, .html, …"));
            }
            None if is_terminal => Format::Table,
            None => Format::Csv,
        };
        if is_terminal {
            refuse_binary(format)?;
        }
        let mut options = ExportOptions {
            format_options: self.format_options(is_terminal),
            partition_by: self.partition_by.clone(),
            overwrite: self.overwrite,
            ..ExportOptions::new(format)
        };
        match &self.compress {
            Some(name) => options.compress(name).map_err(CliError::usage)?,
            None if format.is_binary() => {}
            None => options.compression = Compression::of_name(&file),
        }
        let target = Target { place, options, manifest: self.quicksight_manifest.clone() };
        target.check()?;
        Ok(target)
    }

    fn format_options(&self, is_terminal: bool) -> FormatOptions {
        FormatOptions {
            csv_verbatim: self.csv_verbatim,
            max_cell_width: is_terminal.then_some(MAX_CELL_WIDTH),
            no_header: self.no_header,
            null_text: self.null.clone(),
            ..FormatOptions::default()
        }
    }
}

/// Whether a file's name has an ending, one for its compression aside.
fn has_ending(name: &str) -> bool {
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    Path::new(plain).extension().is_some()
}

impl Target {
    fn check(&self) -> Result<(), CliError> {
        let Some(prefix) = &self.manifest else { return Ok(()) };
        if !self.options.partition_by.is_empty() {
            return Err(CliError::usage("QuickSight does not read partitions by a manifest")
                .hint("leave out --partition-by, or --quicksight-manifest"));
        }
        manifest(prefix, "", &self.options).map(drop)
    }

    /// Says whether the results are to be a folder: by the end of its name, or by partitions.
    pub(crate) fn folder(&self) -> Option<&Place> {
        self.place.as_ref().filter(|place| place.is_folder() || !self.options.partition_by.is_empty())
    }

    /// Says whether the results are shown on a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.place.is_none() && io::stdout().is_terminal()
    }

    /// Begins the one output of everything.
    pub(crate) async fn open(&self, stores: &Stores) -> Result<Output, CliError> {
        let compression = self.options.compression;
        if let Some(place) = &self.place {
            return Ok(Output::create(stores, place, compression).await?);
        }
        let stdout = io::stdout();
        let out: Box<dyn Write + Send> = if self.is_terminal() {
            Box::new(TerminalGuard::new(stdout))
        } else {
            Box::new(BufWriter::with_capacity(BUFFER_BYTES, stdout))
        };
        Ok(Output::stream("standard output", out, compression)?)
    }

    /// The manifest for a file, as it is called and as it is written; `None` if it is not asked for.
    pub(crate) fn manifest(&self, file: &str) -> Result<Option<(String, Vec<u8>)>, CliError> {
        let Some(prefix) = &self.manifest else { return Ok(None) };
        let ending = self.options.file_name("");
        let stem = file.strip_suffix(&ending).unwrap_or(file);
        let content = serde_json::to_vec_pretty(&manifest(prefix, file, &self.options)?).map_err(io::Error::from)?;
        Ok(Some((format!("{stem}.manifest.json"), content)))
    }

    /// Writes the manifest of the one file beside it.
    pub(crate) async fn write_manifest(&self, stores: &Stores) -> Result<(), CliError> {
        let Some(place) = &self.place else { return Ok(()) };
        let Some((name, content)) = self.manifest(&place.file_name())? else { return Ok(()) };
        let mut out = Output::create(stores, &place.beside(&name), Compression::None).await?;
        out.write(&content).await?;
        out.finish().await?;
        Ok(())
    }
}

/// Refuses bytes that no terminal should get.
pub(crate) fn refuse_binary(format: Format) -> Result<(), CliError> {
    if format.is_binary() {
        return Err(CliError::usage(format!("{format} is not for a terminal; give a file with -o FILE")));
    }
    Ok(())
}

fn parse_format(text: &str) -> Result<Format, String> {
    text.parse::<Format>().map_err(|error| error.to_string())
}

fn format_help() -> String {
    let names: Vec<_> = Format::ALL.into_iter().map(Format::name).collect();
    format!("Format: {} [default: as the name of the file says; table on a terminal, else csv]", names.join(", "))
}
