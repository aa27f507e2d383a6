//! `trailql sql`: answers statements from the command line, files or standard input.

use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use trailql_config::parse_time;
use trailql_lake::AsOf;
use trailql_sql::{
    Answer, Format, FormatOptions, QueryMetrics, Session, SqlError, Statement, TerminalGuard, split_statements,
};

use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::query_session::QuerySession;
use crate::result_file::ResultFile;
use crate::shell;

/// Longest cell of a table on a terminal, in columns; a file or pipe gets values whole.
pub(crate) const MAX_CELL_WIDTH: usize = 80;

/// Bytes collected before they are written.
const BUFFER_BYTES: usize = 64 << 10;

/// Answer SQL over the lake, or over log files in place
///
/// The table of the lake's events is cloudtrail_logs. Statements come from -c, -f or standard input; without any, on a
/// terminal, the interactive shell starts.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  trailql sql -c 'SELECT eventname, count(*) FROM changes GROUP BY 1 ORDER BY 2 DESC LIMIT 10'
  trailql sql -f questions.sql --format markdown -o answers.md
  trailql sql --param who=alice -c 'SELECT * FROM errors WHERE useridentity.username = $who' --format vertical
  trailql sql --raw ./AWSLogs -c 'SELECT count(*) FROM cloudtrail_raw'
  trailql sql --as-of 2024-03-04T09:00:00Z -c 'SELECT count(*) FROM errors'

Exit codes: 0 answered; 1 a statement failed, or log files could not be read; 2 wrong usage; 130 interrupted.")]
pub(crate) struct SqlArgs {
    /// Statement, or several with `;` between them; repeatable, and run ahead of files
    #[arg(short = 'c', long = "command", value_name = "SQL")]
    commands: Vec<String>,

    /// File of statements; repeatable, `-` is standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,

    #[arg(long, value_name = "FORMAT", help = format_help(), value_parser = parse_format)]
    format: Option<Format>,

    /// File for the results; it is written whole or not at all
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Value for `$NAME` in the statements; repeatable
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parse_param)]
    params: Vec<(String, String)>,

    /// Log file, folder, glob or s3:// URL to read in place as the table cloudtrail_raw; repeatable
    #[arg(long, value_name = "SOURCE")]
    raw: Vec<String>,

    /// Ask the lake as it was at this version (see `trailql lake history`)
    #[arg(long, value_name = "N", conflicts_with = "as_of")]
    version: Option<u64>,

    /// Ask the lake as it was at this time (RFC 3339, a day, or 7d, 24h): what was known then
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    as_of: Option<DateTime<Utc>>,
    /// Other name of the table of events, for queries that call it so; repeatable
    #[arg(long = "table", value_name = "NAME")]
    tables: Vec<String>,

    /// Refuse table names that only look like CloudTrail's, instead of reading them as the table of events
    #[arg(long)]
    strict: bool,

    /// Write CSV and TSV cells as they are, also those that a spreadsheet would run as formulas
    #[arg(long)]
    csv_verbatim: bool,
}

/// Runs the command; without statements on a terminal, the shell.
pub(crate) async fn run(args: SqlArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let is_interactive = args.commands.is_empty() && args.files.is_empty() && io::stdin().is_terminal();
    if is_interactive {
        if args.output.is_some() {
            return Err(CliError::usage("-o needs statements from -c, -f or standard input; in the shell, \\o FILE"));
        }
        args.format.map_or(Ok(()), refuse_binary)?;
        return shell::run_on(open(&args, globals).await?, args.format, globals.quiet).await;
    }
    let work = async {
        let options = args.resolve(globals)?;
        let scripts = args.scripts()?;
        let query_session = open(&args, globals).await?;
        let result = run_scripts(&query_session.session, &scripts, &options).await;
        // An answer from which files are missing is not a whole one, and the exit code says so.
        let warnings = query_session.warnings().map(|mut warnings| warnings()).unwrap_or_default();
        for warning in &warnings {
            eprintln!("warning: {warning}");
        }
        result.map(|()| if warnings.is_empty() { Outcome::Done } else { Outcome::DoneWithFailures })
    };
    tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => Ok(Outcome::Interrupted),
    }
}

async fn open(args: &SqlArgs, globals: &Globals) -> Result<QuerySession, CliError> {
    let query_session = QuerySession::open(globals, args.lake_time(), &args.raw).await?;
    for (name, value) in &args.params {
        query_session.session.set_parameter(name, value);
    }
    for name in &args.tables {
        query_session.session.add_table_alias(name);
    }
    for name in globals.config.keys_of("tables") {
        query_session.session.add_table_alias(name);
    }
    query_session.session.set_strict(args.strict);
    Ok(query_session)
}

/// What is told about each statement on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    None,
    Text,
    Json,
}

/// A script with the name to put before its errors.
struct Script {
    name: Option<String>,
    text: String,
}

/// The options as meant.
struct QueryOptions {
    format: Format,
    format_options: FormatOptions,
    output: Option<PathBuf>,
    is_terminal: bool,
    is_quiet: bool,
    report: Report,
}

impl SqlArgs {
    fn resolve(&self, globals: &Globals) -> Result<QueryOptions, CliError> {
        let is_terminal = self.output.is_none() && io::stdout().is_terminal();
        let format = self.format.unwrap_or(if is_terminal { Format::Table } else { Format::Csv });
        if is_terminal {
            refuse_binary(format)?;
        }
        let max_cell_width = is_terminal.then_some(MAX_CELL_WIDTH);
        let format_options = FormatOptions { csv_verbatim: self.csv_verbatim, max_cell_width };
        let report = match (globals.json, globals.verbose) {
            (true, _) => Report::Json,
            (false, 0) => Report::None,
            (false, _) => Report::Text,
        };
        Ok(QueryOptions {
            format,
            format_options,
            output: self.output.clone(),
            is_terminal,
            is_quiet: globals.quiet,
            report,
        })
    }

    /// The point in the lake's history that is asked for.
    fn lake_time(&self) -> Option<AsOf> {
        self.version.map(AsOf::Version).or(self.as_of.map(AsOf::Time))
    }

    fn scripts(&self) -> Result<Vec<Script>, CliError> {
        let mut scripts: Vec<Script> =
            self.commands.iter().map(|text| Script { name: None, text: text.clone() }).collect();
        for path in &self.files {
            scripts.push(if path.as_os_str() == "-" { read_stdin()? } else { read_script(path.clone())? });
        }
        if scripts.is_empty() {
            scripts.push(read_stdin()?);
        }
        Ok(scripts)
    }
}

pub(crate) fn refuse_binary(format: Format) -> Result<(), CliError> {
    if format.is_binary() {
        return Err(CliError::usage(format!("{format} is not for a terminal; give a file with -o FILE")));
    }
    Ok(())
}

fn read_script(path: PathBuf) -> Result<Script, CliError> {
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Script { name: Some(path.display().to_string()), text }),
        Err(error) => Err(CliError::usage(format!("reading {}: {error}", path.display()))),
    }
}

fn read_stdin() -> Result<Script, CliError> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Ok(Script { name: None, text })
}

/// Runs statements in order, up to the first that fails; a file appears only if none does.
async fn run_scripts(session: &Session, scripts: &[Script], options: &QueryOptions) -> Result<(), CliError> {
    let Some(path) = &options.output else {
        let stdout = io::stdout();
        let out: Box<dyn Write + Send> =
            if options.is_terminal { Box::new(TerminalGuard::new(stdout)) } else { Box::new(stdout) };
        return write_results(session, scripts, options, &mut BufWriter::with_capacity(BUFFER_BYTES, out)).await;
    };
    let failed = |error: io::Error| CliError::failure(format!("writing {}: {error}", path.display()));
    let mut file = BufWriter::with_capacity(BUFFER_BYTES, ResultFile::create(path).map_err(failed)?);
    write_results(session, scripts, options, &mut file).await?;
    file.into_inner().map_err(|error| failed(error.into_error()))?.finish().map_err(failed)
}

async fn write_results(
    session: &Session,
    scripts: &[Script],
    options: &QueryOptions,
    out: &mut (dyn Write + Send),
) -> Result<(), CliError> {
    let mut results = 0;
    for script in scripts {
        let failed = |error: SqlError| match &script.name {
            Some(name) => CliError::failure(format!("{name}: {error}")),
            None => CliError::from(error),
        };
        for statement in split_statements(&script.text) {
            let mut answer = session.run(&statement).await.map_err(failed)?;
            if !options.is_quiet {
                answer.notices().iter().for_each(|notice| eprintln!("notice: {notice}"));
            }
            if answer.has_columns() {
                results += 1;
                begin_result(results, options.format, out)?;
                write_answer(&mut answer, options, out, failed).await?;
            } else {
                while answer.next().await.map_err(failed)?.is_some() {}
            }
            show_report(options.report, &statement, &answer.metrics());
        }
    }
    Ok(())
}

/// Sets results of one output apart.
fn begin_result(number: usize, format: Format, out: &mut dyn Write) -> Result<(), CliError> {
    match format {
        _ if number == 1 => Ok(()),
        Format::Json | Format::Jsonl => Ok(()),
        format if format.is_binary() => {
            Err(CliError::usage(format!("{format} holds one result; the statements give more")))
        }
        _ => Ok(out.write_all(b"\n")?),
    }
}

async fn write_answer(
    answer: &mut Answer,
    options: &QueryOptions,
    out: &mut (dyn Write + Send),
    failed: impl Fn(SqlError) -> CliError,
) -> Result<(), CliError> {
    let mut writer = options.format.writer(Box::new(out), answer.schema(), &options.format_options)?;
    while let Some(batch) = answer.next().await.map_err(&failed)? {
        writer.write(&batch)?;
        // Lets Ctrl-C in between batches that are ready.
        tokio::task::yield_now().await;
    }
    Ok(writer.finish()?)
}

fn show_report(report: Report, statement: &Statement, metrics: &QueryMetrics) {
    let QueryMetrics { rows, bytes_read, store, elapsed } = metrics;
    let seconds = elapsed.as_secs_f64();
    match report {
        Report::None => {}
        Report::Text if store.requests() > 0 => {
            eprintln!("rows: {rows}, bytes read: {bytes_read} in {store}, seconds: {seconds:.3}");
        }
        Report::Text => eprintln!("rows: {rows}, bytes read: {bytes_read}, seconds: {seconds:.3}"),
        Report::Json => {
            let statement = statement.text();
            let line = serde_json::json!({
                "statement": statement, "rows": rows, "bytes_read": bytes_read, "requests": store.requests(), "seconds": seconds,
            });
            eprintln!("{line}");
        }
    }
}

pub(crate) fn parse_format(text: &str) -> Result<Format, String> {
    text.parse::<Format>().map_err(|error| error.to_string())
}

fn format_help() -> String {
    let names: Vec<_> = Format::ALL.into_iter().map(Format::name).collect();
    format!("Output format: {} [default: table on a terminal, else csv]", names.join(", "))
}

pub(crate) fn parse_param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim_matches('$').is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a parameter is written NAME=VALUE".to_owned()),
    }
}
