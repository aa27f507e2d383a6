//! `trailql sql`: answers statements from the command line, files or standard input.

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use trailql_config::parse_time;
use trailql_export::{Output, Place};
use trailql_lake::AsOf;
use trailql_sql::{
    Answer, ExportOptions, Format, QueryMetrics, Session, SqlError, Statement, split_statements, write_result,
};

use crate::error::{CliError, Outcome};
use crate::globals::Globals;
use crate::output::{OutputArgs, Target, refuse_binary};
use crate::query_session::QuerySession;
use crate::shell;

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
  trailql sql -f calls.sql -o s3://my-bucket/calls/ --format parquet --partition-by region,date
  trailql sql --as-of 2024-03-04T09:00:00Z -c 'SELECT count(*) FROM errors'

Exit codes: 0 answered; 1 a statement failed, or log files could not be read; 2 wrong usage; 130 interrupted.")]
pub(crate) struct SqlArgs {
    /// Statement, or several with `;` between them; repeatable, and run ahead of files
    #[arg(short = 'c', long = "command", value_name = "SQL", allow_hyphen_values = true)]
    commands: Vec<String>,

    /// File of statements; repeatable, `-` is standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    output: OutputArgs,

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
}

/// Runs the command; without statements on a terminal, the shell.
pub(crate) async fn run(args: SqlArgs, globals: &Globals) -> Result<Outcome, CliError> {
    let is_interactive = args.commands.is_empty() && args.files.is_empty() && io::stdin().is_terminal();
    if is_interactive {
        if args.output.output.is_some() {
            return Err(CliError::usage("-o needs statements from -c, -f or standard input; in the shell, \\o FILE"));
        }
        args.output.format.map_or(Ok(()), refuse_binary)?;
        return shell::run_on(open(&args, globals).await?, args.output.format, globals.quiet).await;
    }
    let work = async {
        let target = args.output.resolve()?;
        let scripts = args.scripts()?;
        let query_session = open(&args, globals).await?;
        let runner = ScriptRunner { session: &query_session.session, target: &target, globals };
        let result = runner.run(&scripts).await;
        // An answer from which files are missing is not a whole one, and the exit code says so.
        let warnings = query_session.warnings().map(|mut warnings| warnings()).unwrap_or_default();
        for warning in &warnings {
            eprintln!("warning: {warning}");
        }
        result.map(|()| if warnings.is_empty() { Outcome::Done } else { Outcome::DoneWithFailures })
    };
    let result = tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => Ok(Outcome::Interrupted),
    };
    globals.stores.settle().await;
    result
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

/// A script with the name to put before its errors.
struct Script {
    name: Option<String>,
    text: String,
}

impl SqlArgs {
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
struct ScriptRunner<'a> {
    session: &'a Session,
    target: &'a Target,
    globals: &'a Globals,
}

impl ScriptRunner<'_> {
    async fn run(&self, scripts: &[Script]) -> Result<(), CliError> {
        if let Some(folder) = self.target.folder() {
            return self.fill(folder, scripts).await;
        }
        let mut out = self.target.open(&self.globals.stores).await?;
        let mut results = 0;
        for script in scripts {
            for statement in split_statements(&script.text) {
                let mut answer = self.session.run(&statement).await.map_err(|error| script.failed(error))?;
                self.tell_notices(&answer);
                if answer.has_columns() {
                    results += 1;
                    self.begin_result(results, &mut out).await?;
                    let ExportOptions { format, format_options, .. } = &self.target.options;
                    let written = write_result(&mut answer, *format, format_options, &mut out).await;
                    written.map_err(|error| script.failed(error))?;
                } else {
                    drain(&mut answer).await.map_err(|error| script.failed(error))?;
                }
                self.tell_metrics(&statement, &answer.metrics());
            }
        }
        out.finish().await?;
        self.target.write_manifest(&self.globals.stores).await
    }

    /// Writes the one result of all statements to a folder.
    async fn fill(&self, folder: &Place, scripts: &[Script]) -> Result<(), CliError> {
        let mut results = 0;
        for script in scripts {
            for statement in split_statements(&script.text) {
                let answer = self.session.export(&statement, folder.clone(), self.target.options.clone()).await;
                let mut answer = answer.map_err(|error| script.failed(error))?;
                self.tell_notices(&answer);
                results += u64::from(answer.has_columns());
                if results > 1 {
                    return Err(CliError::usage(format!("{folder} holds one result; the statements give more")));
                }
                drain(&mut answer).await.map_err(|error| script.failed(error))?;
                self.tell_metrics(&statement, &answer.metrics());
            }
        }
        Ok(())
    }

    /// Sets results of one output apart.
    async fn begin_result(&self, number: usize, out: &mut Output) -> Result<(), CliError> {
        match self.target.options.format {
            _ if number == 1 => Ok(()),
            Format::Json | Format::Jsonl => Ok(()),
            format if format.is_binary() => {
                Err(CliError::usage(format!("{format} holds one result; the statements give more")))
            }
            _ => Ok(out.write(b"\n").await?),
        }
    }

    fn tell_notices(&self, answer: &Answer) {
        if !self.globals.quiet {
            answer.notices().iter().for_each(|notice| eprintln!("notice: {notice}"));
        }
    }

    /// Tells on standard error what a statement took, if that is asked for.
    fn tell_metrics(&self, statement: &Statement, metrics: &QueryMetrics) {
        let QueryMetrics { rows, bytes_read, store, elapsed } = metrics;
        let seconds = elapsed.as_secs_f64();
        if self.globals.json {
            let statement = statement.text();
            let line = serde_json::json!({
                "statement": statement, "rows": rows, "bytes_read": bytes_read, "requests": store.requests(), "seconds": seconds,
            });
            eprintln!("{line}");
        } else if self.globals.verbose > 0 && store.requests() > 0 {
            eprintln!("rows: {rows}, bytes read: {bytes_read} in {store}, seconds: {seconds:.3}");
        } else if self.globals.verbose > 0 {
            eprintln!("rows: {rows}, bytes read: {bytes_read}, seconds: {seconds:.3}");
        }
    }
}

impl Script {
    fn failed(&self, error: SqlError) -> CliError {
        let error = CliError::from(error);
        match &self.name {
            Some(name) => error.within(name),
            None => error,
        }
    }
}

/// Runs a statement whose rows nobody is to see.
async fn drain(answer: &mut Answer) -> Result<(), SqlError> {
    while answer.next().await?.is_some() {}
    Ok(())
}

pub(crate) fn parse_param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim_matches('$').is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a parameter is written NAME=VALUE".to_owned()),
    }
}
