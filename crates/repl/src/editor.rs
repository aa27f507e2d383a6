//! The line editor: rustyline with our completion, colours and idea of a finished statement.

use std::borrow::Cow;

use rustyline::completion::{Completer, Pair};
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Config, Context, EditMode, Editor, Helper};
use trailql_sql::ends_statement;

use crate::command::Command;
use crate::completion::Vocabulary;
use crate::highlight::highlight;

/// Entries kept in the history.
const HISTORY_ENTRIES: usize = 10_000;

/// The shell's line editor.
pub(crate) type LineEditor = Editor<SqlHelper, FileHistory>;

/// Makes a line editor; colours unless `is_plain`.
pub(crate) fn line_editor(is_plain: bool) -> Result<LineEditor, ReadlineError> {
    let config = Config::builder()
        .max_history_size(HISTORY_ENTRIES)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .edit_mode(EditMode::Emacs)
        .color_mode(if is_plain { ColorMode::Disabled } else { ColorMode::Enabled })
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_auto_add_history(false);
    editor.set_helper(Some(SqlHelper::default()));
    Ok(editor)
}

/// What rustyline asks while a statement is typed.
#[derive(Default)]
pub(crate) struct SqlHelper {
    pub(crate) vocabulary: Vocabulary,
}

impl Helper for SqlHelper {}

impl Completer for SqlHelper {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _context: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        self.vocabulary.complete(line, at)
    }
}

impl Hinter for SqlHelper {
    type Hint = String;
}

impl Highlighter for SqlHelper {
    fn highlight<'l>(&self, line: &'l str, _at: usize) -> Cow<'l, str> {
        highlight(line)
    }

    fn highlight_char(&self, _line: &str, _at: usize, kind: CmdKind) -> bool {
        kind != CmdKind::MoveCursor
    }
}

impl Validator for SqlHelper {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_finished(context.input()) { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

/// Says whether Enter runs the input instead of continuing it on the next line.
fn is_finished(input: &str) -> bool {
    input.trim().is_empty() || Command::parse(input).is_some() || ends_statement(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_finished_input_only() {
        for input in ["", "\\d", "quit", "select 1;", "select 1; -- done"] {
            assert!(is_finished(input), "{input}");
        }
        for input in ["select 1", "select ';", "select 1 /* ;"] {
            assert!(!is_finished(input), "{input}");
        }
    }
}
