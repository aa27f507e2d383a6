//! The shell in a real pseudo-terminal.
//!
//! What is typed comes back as echo, so each test waits for text that it did not type.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};
use tempfile::TempDir;

use crate::made_lake;

/// Longest wait for any output; generous, as test machines are slow.
const TIMEOUT_MILLIS: u64 = 120_000;

const PROMPT: &str = "trailql> ";

/// A shell over a small lake, with a home of its own.
struct Shell {
    session: PtySession,
}

impl Shell {
    /// Starts a shell whose terminal has `rows` lines and whose pager marks what it shows.
    fn start(home: &Path, rows: usize) -> Self {
        Self::start_with_pager(home, rows, "sed s/^/paged:/")
    }

    fn start_with_pager(home: &Path, rows: usize, pager: &str) -> Self {
        Self::start_command(home, rows, pager, "")
    }

    /// Starts the shell by a command line such as `sql --format json`.
    fn start_command(home: &Path, rows: usize, pager: &str, arguments: &str) -> Self {
        let mut command = Command::new("sh");
        let binary = env!("CARGO_BIN_EXE_trailql");
        // `noflsh`: without it Linux drops waiting output at Ctrl-C, and may forget to wake who was writing it.
        command.args([
            "-c",
            &format!(
                "stty rows {rows} cols 150 noflsh; exec '{binary}' --lake '{}' {arguments}",
                made_lake::lake().display()
            ),
        ]);
        command.env_clear().envs(std::env::vars().filter(|(name, _)| name == "PATH" || name.starts_with("LLVM")));
        command
            .env("HOME", home)
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .env("TRAILQL_HISTORY", home.join("history"));
        command.env("PAGER", pager).env("EDITOR", home.join("editor")).current_dir(home);
        let options = Options::new().timeout_ms(Some(TIMEOUT_MILLIS)).strip_ansi_escape_codes(true);
        let mut shell = Self { session: spawn_with_options(command, options).unwrap() };
        shell.expect(PROMPT);
        shell
    }

    fn expect(&mut self, text: &str) -> String {
        self.session.exp_string(text).unwrap_or_else(|error| panic!("waiting for {text:?}: {error}"))
    }

    /// Sends a line, waits for `answer`, then for the next prompt; returns what came between.
    fn ask(&mut self, line: &str, answer: &str) -> String {
        self.session.send_line(line).unwrap();
        self.expect(answer);
        self.expect(PROMPT)
    }

    fn send(&mut self, keys: &str) {
        self.session.send(keys).unwrap();
        self.session.flush().unwrap();
    }

    fn quit(mut self) {
        self.session.send_line("\\q").unwrap();
        self.session.exp_eof().unwrap();
    }
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn format_option_is_the_shells_first_format() {
    let home = TempDir::new().unwrap();
    let mut shell = Shell::start_command(home.path(), 40, "cat", "sql --format json");
    shell.ask("SELECT 1 AS one, 'x' AS two;", "{\"one\":1,\"two\":\"x\"}");
}

#[test]
fn answers_statements_over_several_lines() {
    let home = home();
    let mut shell = Shell::start(home.path(), 50);
    shell.ask("select 40 + 2 as n;", "42");
    shell.session.send_line("select 400").unwrap();
    shell.session.send_line("  -- a comment; not the end").unwrap();
    shell.session.send_line("  + 20 + 1").unwrap();
    shell.ask("  as n;", "421");
    shell.ask("select 'a;' || 'b', 1; select 7 * 11 as n;", "77");
    shell.quit();
}

#[test]
fn reports_rows_bytes_and_time() {
    let home = home();
    let mut shell = Shell::start(home.path(), 50);
    shell.ask("select count(distinct eventname) as n from cloudtrail_logs;", "(1 row, ");
    shell.ask("\\timing", "timing is off");
    shell.ask("select eventid from cloudtrail_logs limit 3;", "(3 rows)");
    shell.ask("create view v as select 1 as one;", "done");
    shell.quit();
}

#[test]
fn completes_names() {
    let home = home();
    let mut shell = Shell::start(home.path(), 50);
    shell.send("select max(eventn\t");
    shell.expect("max(eventname");
    shell.send(") is not null as found from cloudtrail_l\t");
    shell.expect("cloudtrail_logs");
    shell.ask(";", "true");
    shell.send("select userIdentity.sessionContext.sessionI\t");
    shell.expect("sessionissuer");
    shell.send(".usern\t");
    shell.expect("username");
    shell.ask(" as who from errors limit 1;", "who");
    shell.send("\\tim\t");
    shell.expect("\\timing");
    shell.ask("", "timing is");
    std::fs::write(home.path().join("questions.sql"), "select 6 * 7 as n;").unwrap();
    shell.send("\\i quest\t");
    shell.expect("questions.sql");
    shell.ask("", "42");
    shell.quit();
}

#[test]
fn keeps_history_between_runs() {
    let home = home();
    let mut shell = Shell::start(home.path(), 50);
    shell.session.send_line("select 'remem'").unwrap();
    shell.ask("|| 'bered' as word;", "remembered");
    shell.quit();
    let mut shell = Shell::start(home.path(), 50);
    // The last entry is `\q`, the one before it the statement with both of its lines.
    shell.send("\x1b[A\x1b[A\r");
    shell.expect("remembered");
    shell.expect(PROMPT);
    shell.ask("\\s", "bered' as word;");
    shell.quit();
}

#[test]
fn cancels_and_goes_on() {
    let home = home();
    // Ctrl-C goes to the pager as well, as the terminal has it; this one stays, as less does.
    let mut shell = Shell::start_with_pager(home.path(), 50, "trap '' INT; exec cat");
    // A line given up.
    shell.send("select nonsense");
    shell.expect("nonsense");
    shell.session.send_control('c').unwrap();
    shell.expect(PROMPT);
    // A running query: rows come until Ctrl-C.
    shell.ask("\\f csv", "output format is csv");
    shell.session.send_line("select value from generate_series(1, 1000000000000);").unwrap();
    shell.expect("\n20000");
    shell.session.send_control('c').unwrap();
    shell.expect("cancelled");
    shell.expect(PROMPT);
    shell.ask("select 40 + 2 as n;", "42");
    // Ctrl-D on an empty line leaves.
    shell.session.send_control('d').unwrap();
    shell.session.exp_eof().unwrap();
}

#[test]
fn errors_point_at_the_place_and_the_session_goes_on() {
    let home = home();
    let mut shell = Shell::start(home.path(), 50);
    let rest = shell.ask("select evntname from cloudtrail_logs;", "did you mean 'eventname'?");
    assert!(rest.contains("1:8") && rest.contains("^^^^^^^^"), "{rest}");
    shell.ask("\\nonsense", "no command '\\nonsense'");
    shell.ask("\\i missing.sql", "missing.sql: No such file");
    shell.ask("select 1; select broken; select 2 + 3 as never;", "no column named 'broken'");
    shell.ask("select 40 + 2 as n;", "42");
    shell.quit();
}

#[test]
fn pages_long_results_only() {
    let home = home();
    let mut shell = Shell::start(home.path(), 12);
    let short = shell.ask("select 40 + 2 as n;", "42");
    assert!(!short.contains("paged:"));
    let long = shell.ask("select value + 0 as v from generate_series(1, 30) order by 1;", "paged:");
    assert!(long.contains("paged:30"), "{long}");
    assert_eq!(long.matches("paged:").count(), 31, "{long}");
    shell.quit();
}

#[test]
fn describes_tables_and_functions() {
    let home = home();
    let mut shell = Shell::start(home.path(), 200);
    let tables = shell.ask("\\dt", "cloudtrail_logs");
    assert!(tables.contains("console_signins") && tables.contains("Sign-ins to the console"), "{tables}");
    let columns = shell.ask("\\d cloudtrail_logs", "eventversion");
    for text in
        ["useridentity.sessioncontext.attributes.mfaauthenticated", "partition", "$path", "virtual", "timestamp"]
    {
        assert!(columns.contains(text), "{text}: {columns}");
    }
    shell.ask("\\d nothing", "no table named 'nothing'");
    let functions = shell.ask("\\df date_t*", "date_trunc");
    assert!(!functions.contains("to_date"), "{functions}");
    let help = shell.ask("\\?", "\\timing");
    assert!(help.contains("$EDITOR"), "{help}");
    shell.quit();
}

#[test]
fn changes_formats_and_destinations() {
    let home = home();
    let mut shell = Shell::start(home.path(), 200);
    shell.ask("\\f json", "output format is json");
    shell.ask("select 40 + 2 as n;", "{\"n\":42}");
    shell.ask("\\f parquet", "not for a terminal");
    shell.ask("\\f nonsense", "no format named 'nonsense'");
    shell.ask("\\f table", "output format is table");
    shell.ask("\\x", "expanded display is on");
    shell.ask("select 40 + 2 as n;", "row 1");
    shell.ask("\\x off", "expanded display is off");
    shell.ask("\\f csv", "output format is csv");
    shell.ask("\\o out.csv", "");
    shell.ask("select 1000 + 1 as n;", "(1 row");
    shell.ask("\\o | tr 0 x > piped.txt", "");
    shell.ask("select 1000 + 2 as n;", "(1 row");
    shell.ask("\\o", "");
    shell.ask("select 40 + 2 as n;", "42");
    shell.quit();
    assert_eq!(std::fs::read_to_string(home.path().join("out.csv")).unwrap(), "n\r\n1001\r\n");
    assert_eq!(std::fs::read_to_string(home.path().join("piped.txt")).unwrap(), "n\r\n1xx2\r\n");
}

#[test]
fn edits_in_the_users_editor() {
    let home = home();
    let editor = home.path().join("editor");
    std::fs::write(&editor, "#!/bin/sh\ngrep -q '40 + 1' \"$1\" && echo 'select 40 + 2 as n;' > \"$1\"\n").unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut shell = Shell::start(home.path(), 50);
    shell.ask("select 40 + 1 as n;", "41");
    shell.session.send_line("\\e").unwrap();
    shell.expect("select 40 + 2 as n;");
    shell.ask("", "42");
    shell.quit();
}

#[test]
fn new_commits_show_in_the_next_statement() {
    let home = home();
    let lake = home.path().join("lake");
    made_lake::ingest(&lake, "categories/management.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailql"));
    command.args(["--lake", lake.to_str().unwrap()]).env("TERM", "xterm").env("NO_COLOR", "1");
    command.env("TRAILQL_HISTORY", home.path().join("history"));
    let options = Options::new().timeout_ms(Some(TIMEOUT_MILLIS)).strip_ansi_escape_codes(true);
    let mut shell = Shell { session: spawn_with_options(command, options).unwrap() };
    shell.expect(PROMPT);
    shell.ask("select 'n=' || count(*) as n from cloudtrail_logs;", "n=1");
    made_lake::ingest(&lake, "categories/data.json");
    shell.ask("select 'n=' || count(*) as n from cloudtrail_logs;", "n=2");
    shell.ask("select 'd=' || count(*) as n from data_events;", "d=1");
    shell.quit();
}
