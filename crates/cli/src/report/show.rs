//! `trailql report list` and `trailql report show`.

use std::io::{self, Write};
use std::path::PathBuf;

use serde_json::json;
use trailql_report::{Header, Library, Pack, Query};

use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::report::make::open_library;

/// List the queries and packs of the library
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Names of queries, folders or packs; everything by default
    #[arg(value_name = "NAME|FOLDER")]
    targets: Vec<String>,
    /// Take only queries with this tag, or one that it begins; repeatable
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Folder with another library than the bundled one
    #[arg(long, value_name = "DIR", env = "TRAILQL_LIBRARY")]
    library: Option<PathBuf>,
}

/// Show what a query or pack says about itself, and its SQL
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Name of a query or pack, or a .sql file
    name: String,
    /// Folder with another library than the bundled one
    #[arg(long, value_name = "DIR", env = "TRAILQL_LIBRARY")]
    library: Option<PathBuf>,
}

/// Runs `report list`.
pub(crate) fn list(args: &ListArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let library = open_library(args.library.as_deref())?;
    let selection = library.select(&args.targets, &args.tag)?;
    let mut out = io::stdout().lock();
    if globals.json {
        let queries: Vec<_> = selection.queries.iter().map(describe).collect();
        serde_json::to_writer_pretty(&mut out, &queries).map_err(io::Error::from)?;
        return Ok(writeln!(out).map(|()| Outcome::Done)?);
    }
    let width = selection.queries.iter().map(|query| query.header.name.len()).max().unwrap_or_default();
    let mut folder = None;
    for query in &selection.queries {
        if folder != Some(query.folder()) {
            writeln!(out, "{}{}", if folder.is_some() { "\n" } else { "" }, query.folder())?;
            folder = Some(query.folder());
        }
        let Header { name, severity, title, .. } = &query.header;
        writeln!(out, "  {name:width$}  {severity:<8}  {title}")?;
    }
    if args.targets.is_empty() && args.tag.is_empty() {
        list_packs(&library, &mut out)?;
    }
    Ok(Outcome::Done)
}

fn list_packs(library: &Library, out: &mut impl Write) -> io::Result<()> {
    let width = library.packs().iter().map(|pack| pack.name.len()).max().unwrap_or_default();
    writeln!(out, "\npacks")?;
    library.packs().iter().try_for_each(|pack| {
        writeln!(out, "  {:width$}  {:>3} controls  {}", pack.name, pack.controls.len(), pack.title)
    })
}

fn describe(query: &Query) -> serde_json::Value {
    let Header { name, title, description, severity, tags, .. } = &query.header;
    let asserts = query.header.expect.is_some();
    json!({
        "name": name, "path": query.path, "title": title, "description": description, "severity": severity,
        "tags": tags, "asserts": asserts,
    })
}

/// Runs `report show`.
pub(crate) fn show(args: &ShowArgs) -> Result<Outcome, CliError> {
    let library = open_library(args.library.as_deref())?;
    let mut out = io::stdout().lock();
    if let Some(pack) = library.packs().iter().find(|pack| pack.name == args.name) {
        show_pack(pack, &mut out)?;
        return Ok(Outcome::Done);
    }
    let selection = library.select(std::slice::from_ref(&args.name), &[])?;
    for (number, query) in selection.queries.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        show_query(query, &mut out)?;
    }
    Ok(Outcome::Done)
}

fn show_query(query: &Query, out: &mut impl Write) -> io::Result<()> {
    let header = &query.header;
    writeln!(out, "{} ({}, {})\n{}\n", header.title, header.name, header.severity, header.description)?;
    for param in &header.params {
        let default = param.default.as_ref().map_or_else(|| "required".to_owned(), |value| format!("default {value}"));
        writeln!(out, "--param {}=…  {} ({}, {default})", param.name, param.about, param.kind)?;
    }
    let facts = [
        ("tags", (!header.tags.is_empty()).then(|| header.tags.join(" "))),
        ("proves", header.proves.clone()),
        ("cannot prove", header.misses.clone()),
        ("to do", header.remediation.clone()),
    ];
    for (name, text) in facts {
        if let Some(text) = text {
            writeln!(out, "{name}: {text}")?;
        }
    }
    writeln!(out, "\n{};", query.sql)
}

fn show_pack(pack: &Pack, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{} ({})\n{}", pack.title, pack.name, pack.description)?;
    for control in &pack.controls {
        writeln!(out, "\n{}  {}", control.id, control.title)?;
        if !control.also.is_empty() {
            writeln!(out, "  also:         {}", control.also.join(", "))?;
        }
        let queries = if control.queries.is_empty() { "none".to_owned() } else { control.queries.join(", ") };
        writeln!(out, "  queries:      {queries}")?;
        writeln!(out, "  proves:       {}", control.proves)?;
        writeln!(out, "  cannot prove: {}", control.misses)?;
        writeln!(out, "  to do:        {}", control.remediation)?;
    }
    Ok(())
}
