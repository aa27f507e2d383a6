//! Manifests by which Amazon QuickSight finds extracts in S3.
//!
//! Format: Amazon QuickSight User Guide, "Supported formats for Amazon S3 manifest files".

use serde_json::{Value, json};
use trailql_export::Compression;
use trailql_sql::{ExportOptions, Format};
use url::Url;

use crate::error::CliError;

/// The manifest of one file below `prefix`.
pub(crate) fn manifest(prefix: &Url, file: &str, options: &ExportOptions) -> Result<Value, CliError> {
    if options.compression == Compression::Zstd {
        return Err(CliError::usage("QuickSight does not read zstd").hint("take --compress gzip"));
    }
    let header = if options.format_options.no_header { "false" } else { "true" };
    let (name, settings) = match options.format {
        Format::Csv => ("CSV", json!({"delimiter": ",", "textqualifier": "\"", "containsHeader": header})),
        Format::Tsv => ("TSV", json!({"delimiter": "\t", "containsHeader": header})),
        Format::Jsonl => ("JSON", json!({})),
        other => {
            return Err(CliError::usage(format!("QuickSight does not read {other} by a manifest"))
                .hint("take --format csv, tsv or jsonl"));
        }
    };
    let mut settings = settings;
    settings["format"] = name.into();
    let uri = format!("{}/{file}", prefix.as_str().trim_end_matches('/'));
    Ok(json!({"fileLocations": [{"URIs": [uri]}], "globalUploadSettings": settings}))
}

/// Reads the place that the files will be copied to.
pub(crate) fn parse_prefix(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}"))?;
    if url.scheme() == "s3" { Ok(url) } else { Err("give the place in S3, such as s3://bucket/extracts/".to_owned()) }
}
