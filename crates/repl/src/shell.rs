//! The loop: read, run, show.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::record_batch::RecordBatch;
use futures::future::BoxFuture;
use rustyline::error::ReadlineError;
use tokio::runtime::Handle;
use trailql_sql::{
    Format, FormatError, FormatOptions, QueryMetrics, Session, Statement, TerminalGuard, split_statements,
};

use crate::command::{Command, Target};
use crate::completion::Vocabulary;
use crate::editor::{LineEditor, line_editor};
use crate::error::ReplError;
use crate::external_editor::edit;
use crate::interrupts::Interrupts;
use crate::listing;
use crate::output::{Output, ResultOutput};

const PROMPT: &str = "trailql> ";

/// Longest cell of a table on the terminal, in columns; `\x` shows values whole.
const MAX_CELL_WIDTH: usize = 80;

/// Brings the session's tables up to the lake's newest commit; called before each statement.
pub type RefreshFn = Box<dyn FnMut() -> BoxFuture<'static, Result<(), String>> + Send>;

/// Tells what went wrong beside the result, such as log files that cannot be read; called after each statement.
pub type WarningsFn = Box<dyn FnMut() -> Vec<String> + Send>;

/// What the caller decides about the shell.
#[derive(Default)]
pub struct ReplOptions {
    /// File of the history; none is kept without one.
    pub history: Option<PathBuf>,
    /// Says nothing but prompts and results.
    pub is_quiet: bool,
    /// Format to begin with; [`Format::Table`] by default.
    pub format: Option<Format>,
    /// Lines shown before the first prompt.
    pub greeting: Option<String>,
    /// See [`RefreshFn`].
    pub refresh: Option<RefreshFn>,
    /// See [`WarningsFn`].
    pub warnings: Option<WarningsFn>,
}

/// An interactive session.
pub struct Repl {
    session: Arc<Session>,
    options: ReplOptions,
    editor: LineEditor,
    handle: Handle,
    interrupts: Interrupts,
    output: Output,
    format: Format,
    is_expanded: bool,
    is_timing: bool,
    last_statement: String,
    /// Text that the next prompt begins with, from `\e`.
    pending: Option<String>,
}

/// How a statement or command left the shell.
enum Flow {
    Continue,
    Quit,
}

impl Repl {
    /// Prepares the shell; queries run on `handle`'s runtime.
    pub fn try_new(session: Arc<Session>, options: ReplOptions, handle: Handle) -> Result<Self, ReplError> {
        let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let mut editor = line_editor(is_plain)?;
        if let Some(path) = &options.history {
            // A first run has none, and an unreadable one should not keep anyone from asking.
            let _ = editor.load_history(path);
        }
        let interrupts = {
            let _guard = handle.enter();
            Interrupts::listen()?
        };
        Ok(Self {
            session,
            format: options.format.unwrap_or(Format::Table),
            options,
            editor,
            handle,
            interrupts,
            output: Output::Terminal,
            is_expanded: false,
            is_timing: true,
            last_statement: String::new(),
            pending: None,
        })
    }

    /// Runs until the user leaves. Blocks its thread.
    pub fn run(mut self) -> Result<(), ReplError> {
        if let Some(greeting) = self.options.greeting.as_ref().filter(|_| !self.options.is_quiet) {
            println!("{greeting}");
        }
        self.learn_names();
        loop {
            let line = match self.pending.take() {
                Some(text) => self.editor.readline_with_initial(PROMPT, (&text, "")),
                None => self.editor.readline(PROMPT),
            };
            let line = match line {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            if line.trim().is_empty() {
                continue;
            }
            self.remember(&line);
            match self.handle_line(&line) {
                Ok(Flow::Quit) => return Ok(()),
                Ok(Flow::Continue) => {}
                Err(error) => show_error(&error),
            }
        }
    }

    fn handle_line(&mut self, line: &str) -> Result<Flow, ReplError> {
        match Command::parse(line) {
            Some(command) => self.run_command(command?),
            None => {
                self.last_statement = line.trim().to_owned();
                self.run_script(line)?;
                Ok(Flow::Continue)
            }
        }
    }

    fn run_command(&mut self, command: Command) -> Result<Flow, ReplError> {
        match command {
            Command::Help => self.show_listing(&listing::commands().map_err(FormatError::from)?)?,
            Command::Quit => return Ok(Flow::Quit),
            Command::Tables => {
                let tables = self.handle.block_on(self.session.tables());
                self.show_listing(&listing::tables(&tables).map_err(FormatError::from)?)?;
            }
            Command::Describe { table } => self.describe(&table)?,
            Command::Functions { pattern } => {
                let batch = listing::functions(&self.session.functions(), pattern.as_deref());
                self.show_listing(&batch.map_err(FormatError::from)?)?;
            }
            Command::Expanded(switch) => {
                self.is_expanded = switch.apply(self.is_expanded);
                println!("expanded display is {}", on_off(self.is_expanded));
            }
            Command::Timing(switch) => {
                self.is_timing = switch.apply(self.is_timing);
                println!("timing is {}", on_off(self.is_timing));
            }
            Command::Output(target) => {
                self.output = Output::Terminal;
                if target != Target::Terminal {
                    self.output = Output::open(target)?;
                }
            }
            Command::Format { name } => self.set_format(name.as_deref())?,
            Command::Include { path } => {
                let script = read_file(&path)?;
                self.run_script(&script)?;
            }
            Command::History { path } => self.show_history(path)?,
            Command::Edit => self.pending = Some(edit(&self.last_statement)?.trim_end().to_owned()),
        }
        Ok(Flow::Continue)
    }

    /// Runs statements up to the first that fails.
    fn run_script(&mut self, script: &str) -> Result<(), ReplError> {
        for statement in split_statements(script) {
            if let Some(refresh) = &mut self.options.refresh
                && let Err(message) = self.handle.block_on(refresh())
            {
                show_error(&ReplError::Refresh { message });
            }
            let outcome = self.run_statement(&statement);
            for warning in self.options.warnings.iter_mut().flat_map(|warnings| warnings()) {
                eprintln!("warning: {warning}");
            }
            let was_cancelled = !outcome?;
            if was_cancelled {
                break;
            }
        }
        self.learn_names();
        Ok(())
    }

    /// Runs one statement; `false` if Ctrl-C ended it.
    fn run_statement(&mut self, statement: &Statement) -> Result<bool, ReplError> {
        let screen_rows = self.screen_rows();
        let (format, options) = self.format_for_output();
        let is_terminal = self.output.is_terminal();
        let session = Arc::clone(&self.session);
        let mut out = self.output.begin(screen_rows);
        let interrupts = &mut self.interrupts;
        let query = query(&session, statement, format, &options, is_terminal, &mut out);
        let outcome = self.handle.block_on(async {
            tokio::select! {
                // A result that is there wins over a key pressed late.
                biased;
                result = query => Some(result),
                () = interrupts.next() => None,
            }
        });
        out.finish().or_else(ignore_broken_pipe)?;
        drop(out);
        self.interrupts.forget();
        match outcome {
            None => {
                println!("cancelled");
                Ok(false)
            }
            Some(Err(ReplError::Format(error))) if error.is_broken_pipe() => Ok(true),
            Some(Err(error)) => Err(error),
            Some(Ok(metrics)) => {
                self.show_status(metrics);
                Ok(true)
            }
        }
    }

    fn show_status(&self, answer: Answered) {
        match (answer.has_columns, self.is_timing) {
            (true, true) => println!("({})", timing(&answer.metrics)),
            (true, false) => println!("({})", plural(answer.metrics.rows, "row")),
            (false, _) => println!("done"),
        }
    }

    fn describe(&mut self, name: &str) -> Result<(), ReplError> {
        let tables = self.handle.block_on(self.session.tables());
        let wanted = name.trim_matches('"');
        let table = tables.iter().find(|table| table.name.eq_ignore_ascii_case(wanted));
        let table = table.ok_or_else(|| ReplError::NoTable { name: name.to_owned() })?;
        self.show_listing(&listing::columns(table).map_err(FormatError::from)?)
    }

    /// Shows a batch of our own as a table, whatever the format of results is.
    fn show_listing(&mut self, batch: &RecordBatch) -> Result<(), ReplError> {
        let screen_rows = self.screen_rows();
        let mut out = self.output.begin(screen_rows);
        let written = write_batch(batch, &mut out);
        out.finish().or_else(ignore_broken_pipe)?;
        match written {
            Err(error) if error.is_broken_pipe() => Ok(()),
            other => Ok(other?),
        }
    }

    fn set_format(&mut self, name: Option<&str>) -> Result<(), ReplError> {
        if let Some(name) = name {
            let format: Format = name.parse()?;
            if format.is_binary() {
                return Err(ReplError::BinaryFormat { format: format.name() });
            }
            self.format = format;
        }
        println!("output format is {}", self.format);
        Ok(())
    }

    fn format_for_output(&self) -> (Format, FormatOptions) {
        let format = if self.is_expanded && self.format == Format::Table { Format::Vertical } else { self.format };
        let max_cell_width = self.output.is_terminal().then_some(MAX_CELL_WIDTH);
        (format, FormatOptions { max_cell_width, ..FormatOptions::default() })
    }

    fn show_history(&self, path: Option<PathBuf>) -> Result<(), ReplError> {
        let entries: Vec<&str> = self.editor.history().iter().map(String::as_str).collect();
        let text = entries.join("\n") + "\n";
        match path {
            Some(path) => std::fs::write(&path, text).map_err(|source| ReplError::File { path, source }),
            None => {
                let mut out = Output::Terminal;
                let mut out = out.begin(None);
                out.write_all(text.as_bytes()).or_else(ignore_broken_pipe)?;
                Ok(out.finish().or_else(ignore_broken_pipe)?)
            }
        }
    }

    fn remember(&mut self, line: &str) {
        let _ = self.editor.add_history_entry(line.trim_end());
        if let Some(path) = &self.options.history {
            if let Some(parent) = path.parent() {
                let _ = std::fs::create_dir_all(parent);
            }
            // At once, so that a killed session keeps its history too.
            let _ = self.editor.append_history(path);
        }
    }

    /// Tells completion what there is now.
    fn learn_names(&mut self) {
        let tables = self.handle.block_on(self.session.tables());
        let vocabulary = Vocabulary::new(tables, &self.session.functions());
        if let Some(helper) = self.editor.helper_mut() {
            helper.vocabulary = vocabulary;
        }
    }

    /// Height of the terminal if results may be paged.
    fn screen_rows(&mut self) -> Option<usize> {
        let rows = self.editor.dimensions().map(|(_, rows)| usize::from(rows));
        rows.filter(|rows| *rows > 0 && std::io::stdout().is_terminal())
    }
}

/// A statement that ran to its end.
struct Answered {
    metrics: QueryMetrics,
    has_columns: bool,
}

async fn query(
    session: &Session,
    statement: &Statement,
    format: Format,
    options: &FormatOptions,
    is_terminal: bool,
    out: &mut ResultOutput<'_>,
) -> Result<Answered, ReplError> {
    let mut answer = session.run(statement).await?;
    answer.notices().iter().for_each(|notice| eprintln!("notice: {notice}"));
    let has_columns = answer.has_columns();
    let out: Box<dyn Write + Send + '_> = if is_terminal { Box::new(TerminalGuard::new(out)) } else { Box::new(out) };
    let mut writer = format.writer(out, answer.schema(), options)?;
    while let Some(batch) = answer.next().await? {
        if has_columns {
            writer.write(&batch)?;
        }
        // Lets Ctrl-C in between batches that are ready.
        tokio::task::yield_now().await;
    }
    if has_columns {
        writer.finish()?;
    }
    Ok(Answered { metrics: answer.metrics(), has_columns })
}

fn write_batch(batch: &RecordBatch, out: &mut ResultOutput<'_>) -> Result<(), FormatError> {
    let mut writer = Format::Table.writer(Box::new(out), batch.schema(), &FormatOptions::default())?;
    writer.write(batch)?;
    writer.finish()
}

fn show_error(error: &ReplError) {
    let mut text = format!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    eprintln!("{text}");
}

fn read_file(path: &Path) -> Result<String, ReplError> {
    std::fs::read_to_string(path).map_err(|source| ReplError::File { path: path.to_owned(), source })
}

fn ignore_broken_pipe(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

fn timing(metrics: &QueryMetrics) -> String {
    let requests = match metrics.store.requests() {
        0 => String::new(),
        _ => format!(" in {}", metrics.store),
    };
    let read = bytes(metrics.bytes_read);
    format!("{}, {read} read{requests}, {}", plural(metrics.rows, "row"), seconds(metrics.elapsed))
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Spells bytes with a decimal prefix, as disks and clouds do.
fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.3} s", elapsed.as_secs_f64())
}

fn on_off(value: bool) -> &'static str {
    if value { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_counts() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_234_567), "1.2 MB");
        assert_eq!((plural(1, "row"), plural(0, "row")), ("1 row".to_owned(), "0 rows".to_owned()));
    }
}
