//! Backslash commands: what they are called, and how they are read.

use std::path::PathBuf;

use crate::error::ReplError;

/// A command as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Quit,
    Tables,
    Describe { table: String },
    Functions { pattern: Option<String> },
    Expanded(Switch),
    Timing(Switch),
    Output(Target),
    Format { name: Option<String> },
    Include { path: PathBuf },
    History { path: Option<PathBuf> },
    Edit,
}

/// What an on/off command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    Toggle,
    Set(bool),
}

impl Switch {
    pub(crate) fn apply(self, current: bool) -> bool {
        match self {
            Self::Toggle => !current,
            Self::Set(value) => value,
        }
    }
}

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Terminal,
    File(PathBuf),
    Pipe(String),
}

/// The commands with their arguments and what they do, in the order of `\?`.
pub(crate) const COMMANDS: &[(&str, &str, &str)] = &[
    ("\\d", "[TABLE]", "list tables, or the columns of one"),
    ("\\dt", "", "list tables and views"),
    ("\\df", "[PATTERN]", "list functions; * stands for any text"),
    ("\\x", "[on|off]", "show one line per value instead of columns"),
    ("\\f", "[FORMAT]", "set the output format: table, csv, tsv, json, jsonl, markdown, vertical, html"),
    ("\\timing", "[on|off]", "show rows, bytes read and time after each result"),
    ("\\o", "[FILE | |COMMAND]", "send results to a file or command, or back to the terminal"),
    ("\\i", "FILE", "run the statements of a file"),
    ("\\e", "", "edit the last statement in $EDITOR, then run it"),
    ("\\s", "[FILE]", "show the history, or save it to a file"),
    ("\\?", "", "show this help"),
    ("\\q", "", "quit; Ctrl-D does as well"),
];

impl Command {
    /// Reads a line that begins with a backslash, or one of the words that newcomers type.
    ///
    /// `None` if the line is no command.
    pub(crate) fn parse(line: &str) -> Option<Result<Self, ReplError>> {
        let line = line.trim().trim_end_matches(';').trim_end();
        match line.to_ascii_lowercase().as_str() {
            "quit" | "exit" => return Some(Ok(Self::Quit)),
            "help" => return Some(Ok(Self::Help)),
            _ => {}
        }
        line.starts_with('\\').then(|| Self::parse_backslash(line))
    }

    fn parse_backslash(line: &str) -> Result<Self, ReplError> {
        let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let argument = Some(argument.trim()).filter(|argument| !argument.is_empty());
        let owned = argument.map(str::to_owned);
        Ok(match name {
            "\\?" | "\\h" | "\\help" => Self::Help,
            "\\q" | "\\quit" => Self::Quit,
            "\\dt" | "\\dv" => Self::Tables,
            "\\d" => owned.map_or(Self::Tables, |table| Self::Describe { table }),
            "\\df" => Self::Functions { pattern: owned },
            "\\x" => Self::Expanded(switch(argument, "\\x [on|off]")?),
            "\\timing" => Self::Timing(switch(argument, "\\timing [on|off]")?),
            "\\o" => Self::Output(target(argument)),
            "\\f" => Self::Format { name: owned },
            "\\i" => Self::Include { path: argument.map(path).ok_or(ReplError::Usage { usage: "\\i FILE" })? },
            "\\s" => Self::History { path: argument.map(path) },
            "\\e" => Self::Edit,
            _ => return Err(ReplError::NoCommand { name: name.to_owned() }),
        })
    }
}

fn switch(argument: Option<&str>, usage: &'static str) -> Result<Switch, ReplError> {
    match argument.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(Switch::Toggle),
        Some("on" | "true" | "1") => Ok(Switch::Set(true)),
        Some("off" | "false" | "0") => Ok(Switch::Set(false)),
        Some(_) => Err(ReplError::Usage { usage }),
    }
}

fn target(argument: Option<&str>) -> Target {
    match argument {
        None => Target::Terminal,
        Some(text) => match text.strip_prefix('|') {
            Some(command) => Target::Pipe(command.trim().to_owned()),
            None => Target::File(path(text)),
        },
    }
}

/// Takes off quotes, or the backslashes that completion put before blanks.
fn path(text: &str) -> PathBuf {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return PathBuf::from(inner);
        }
    }
    PathBuf::from(rustyline::completion::unescape(text, Some('\\')).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(line: &str) -> Command {
        Command::parse(line).unwrap().unwrap()
    }

    #[test]
    fn reads_commands_and_arguments() {
        assert_eq!(parse("\\d errors;"), Command::Describe { table: "errors".to_owned() });
        assert_eq!(parse("\\d"), Command::Tables);
        assert_eq!(parse("\\x on"), Command::Expanded(Switch::Set(true)));
        assert_eq!(parse("\\o | wc -l"), Command::Output(Target::Pipe("wc -l".to_owned())));
        assert_eq!(parse("\\i my\\ file.sql"), Command::Include { path: PathBuf::from("my file.sql") });
        assert_eq!(parse("\\i 'my file.sql'"), Command::Include { path: PathBuf::from("my file.sql") });
        assert_eq!(parse("quit;"), Command::Quit);
    }

    #[test]
    fn leaves_statements_alone() {
        assert!(Command::parse("select 1;").is_none());
        assert!(Command::parse("\\nope").unwrap().is_err());
        assert!(Command::parse("\\i").unwrap().is_err());
    }
}
