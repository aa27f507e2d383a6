//! `trailql config`: what is in force, and what there is to set.

use std::io::{self, Write};

use clap::Subcommand;
use trailql_config::{KEYS, Key};

use crate::error::{CliError, Outcome};
use crate::globals::Globals;

/// Show what trailql.toml and the environment set
///
/// trailql.toml is looked for in the working folder and the folders above it. An option of the command line wins over
/// the environment, the environment over the file.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  trailql config show                 every setting in force, and where it came from
  trailql config keys                 every key that trailql.toml may have")]
pub(crate) enum ConfigCommand {
    /// Print every setting in force with its origin
    Show,
    /// Print every key with its meaning, environment variables and default
    Keys,
}

/// Runs the command.
pub(crate) fn run(command: &ConfigCommand, globals: &Globals) -> Result<Outcome, CliError> {
    let mut out = io::stdout().lock();
    match command {
        ConfigCommand::Show if globals.json => show_json(globals, &mut out)?,
        ConfigCommand::Show => show(globals, &mut out)?,
        ConfigCommand::Keys => KEYS.iter().try_for_each(|key| describe(key, &mut out))?,
    }
    Ok(Outcome::Done)
}

/// One line per setting, as it would stand in the file, with its origin as a comment.
fn show(globals: &Globals, out: &mut impl Write) -> io::Result<()> {
    let settings = globals.config.settings();
    let lines: Vec<(String, String)> =
        settings.iter().map(|(path, set)| (format!("{path} = {}", set.value), set.origin.to_string())).collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).max().unwrap_or_default();
    lines.iter().try_for_each(|(line, origin)| writeln!(out, "{line:width$}  # {origin}"))
}

fn show_json(globals: &Globals, out: &mut impl Write) -> Result<(), CliError> {
    let settings: serde_json::Map<String, serde_json::Value> = globals
        .config
        .settings()
        .into_iter()
        .map(|(path, set)| {
            let shown = serde_json::json!({"value": set.value.to_json(), "origin": set.origin.to_string()});
            (path.to_owned(), shown)
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &settings).map_err(io::Error::from)?;
    Ok(writeln!(out)?)
}

fn describe(key: &Key, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", key.path.replace('*', "NAME"))?;
    writeln!(out, "    {}.", key.about)?;
    write!(out, "    Value: {}.", key.kind)?;
    if let Some(default) = key.default {
        write!(out, " Default: {default}.")?;
    }
    if !key.environment.is_empty() {
        write!(out, " Environment: {}.", key.environment.join(", "))?;
    }
    writeln!(out)
}
