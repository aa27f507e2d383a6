//! `trailql schedule` as processes: runs, records, people told.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Place, records, text};

/// A place with logs and jobs; whoever is told writes the message to `told`.
fn place(jobs: &str) -> Place {
    let place = Place::new();
    place.log("a.json", records(0, 3));
    let receiver =
        "[[notify]]\nname = 'file'\nkind = 'command'\nalways = true\ncommand = ['sh', '-c', 'cat >> told']\n";
    fs::write(place.path("trailql.toml"), format!("lake = 'lake'\n{jobs}{receiver}")).unwrap();
    place
}

fn schedule(place: &Place, arguments: &[&str]) -> Output {
    place.trailql().arg("schedule").args(arguments).output().unwrap()
}

fn job(name: &str, cron: &str, run: &str) -> String {
    format!("[[schedule]]\nname = '{name}'\ncron = '{cron}'\nrun = {run}\nnotify = ['file']\n")
}

#[test]
fn one_run_is_made_noted_and_told() {
    let jobs =
        job("ingest", "0 6 * * *", "['ingest', 'logs']") + &job("calls", "0 7 * * *", "['assert', 'no_calls.sql']");
    let place = place(&jobs);
    fs::write(place.path("no_calls.sql"), "SELECT eventid FROM cloudtrail_logs WHERE eventname = 'Call1'").unwrap();
    assert_eq!(schedule(&place, &["run", "--once", "ingest"]).status.code(), Some(0));
    let violated = schedule(&place, &["run", "--once", "calls"]);
    assert_eq!(violated.status.code(), Some(1), "{}", text(&violated.stderr));
    let told = fs::read_to_string(place.path("told")).unwrap();
    assert!(told.contains("trailql ingest: ok") && told.contains("trailql calls: problem"), "{told}");
    let history: Value = serde_json::from_slice(&schedule(&place, &["history", "calls", "--json"]).stdout).unwrap();
    assert_eq!(history[0]["state"], "problem");
    assert!(history[0]["message"].as_str().unwrap().contains("0 held, 1 violated"), "{history}");
    let list = text(&schedule(&place, &["list"]).stdout);
    assert!(list.contains("calls: trailql assert no_calls.sql") && list.contains(", problem"), "{list}");
}

#[test]
fn runs_can_be_queried() {
    let place = place(&job("ingest", "0 6 * * *", "['ingest', 'logs']"));
    assert_eq!(schedule(&place, &["run", "--once", "ingest"]).status.code(), Some(0));
    let sql = "CREATE EXTERNAL TABLE runs STORED AS JSON LOCATION 'lake/_schedule/runs/ingest/' OPTIONS ('format.schema_infer_max_rec' '100'); \
               SELECT job, state FROM runs WHERE state IS NOT NULL";
    let output = place.trailql().args(["sql", "--format", "csv", "-c", sql]).output().unwrap();
    assert_eq!(text(&output.stdout), "job,state\r\ningest,ok\r\n", "{}", text(&output.stderr));
}

#[test]
fn who_cannot_be_told_fails_the_run() {
    let place = place(&job("ingest", "0 6 * * *", "['ingest', 'logs']"));
    let config = fs::read_to_string(place.path("trailql.toml")).unwrap().replace("cat >> told", "exit 3");
    fs::write(place.path("trailql.toml"), config).unwrap();
    let output = schedule(&place, &["run", "--once", "ingest"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("notification file was not sent"), "{}", text(&output.stderr));
}

#[test]
fn wrong_jobs_are_named() {
    for (jobs, part) in [
        (job("a", "nonsense", "['ingest']"), "job a: 'nonsense'"),
        (job("a", "0 6 * * *", "[]"), "schedule.a.run is missing"),
        (job("a", "0 6 * * *", "['schedule', 'run']"), "cannot run jobs"),
        (job("a", "0 6 * * *", "['ingest']").replace("'file'", "'nobody'"), "no [[notify]] named 'nobody'"),
        (job("a", "0 6 * * *", "['ingest']") + "missed = 'never'\n", "give skip or run-last"),
    ] {
        let output = schedule(&place(&jobs), &["run", "--once", "a"]);
        assert_eq!(output.status.code(), Some(2), "{jobs}");
        assert!(text(&output.stderr).contains(part), "{}", text(&output.stderr));
    }
}

#[cfg(unix)]
#[test]
fn two_daemons_run_each_firing_once_and_stop_when_told() {
    let place = place(&job("tick", "* * * * * *", "['report', 'list', 'usage']"));
    let start =
        || place.trailql().args(["schedule", "run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut daemons = [start(), start()];
    let runs = || -> Vec<String> {
        let output = schedule(&place, &["history", "--json", "--limit", "1000"]);
        let history: Value = serde_json::from_slice(&output.stdout).unwrap();
        history.as_array().unwrap().iter().map(|run| format!("{} {}", run["firing"], run["attempt"])).collect()
    };
    let deadline = Instant::now() + Duration::from_secs(120);
    while runs().len() < 3 {
        assert!(Instant::now() < deadline, "no runs");
        std::thread::sleep(Duration::from_millis(200));
    }
    for daemon in &mut daemons {
        std::process::Command::new("kill").args(["-TERM", &daemon.id().to_string()]).status().unwrap();
        assert_eq!(daemon.wait().unwrap().code(), Some(0));
    }
    let runs = runs();
    let mut once = runs.clone();
    once.dedup();
    assert_eq!(runs, once);
    assert!(runs.iter().all(|run| run.ends_with(" 1") || run.ends_with(" 0")), "{runs:?}");
}

/// A query that has rows for ever.
const ENDLESS: &str = "SELECT value, rpad('x', 100, 'x') AS filler FROM generate_series(1, 4000000000)";

#[test]
fn a_report_with_findings_ran_well_and_its_findings_are_told() {
    let place =
        place(&job("found", "0 6 * * *", "['report', 'run', 'found.sql', '--format', 'json', '-o', 'report.json']"));
    let sql = "-- name: found\n-- title: Call one\n-- severity: high\n-- expect: no rows\n\n\
               SELECT eventid FROM cloudtrail_logs WHERE eventname = 'Call1'\n";
    fs::write(place.path("found.sql"), sql).unwrap();
    place.ingest();
    let output = schedule(&place, &["run", "--once", "found"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let history: Value = serde_json::from_slice(&schedule(&place, &["history", "--json"]).stdout).unwrap();
    assert_eq!(history[0]["state"], "ok");
    let told: Value = serde_json::from_slice(&fs::read(place.path("told")).unwrap()).unwrap();
    assert_eq!((told["outcome"].as_str(), told["level"].as_str()), (Some("problem"), Some("high")));
    assert!(told["text"].as_str().unwrap().contains("high  found: 1 finding  Call one"), "{told}");
    assert_eq!(told["details"]["violated"][0]["query"], "found");
}

#[test]
fn a_run_that_takes_too_long_is_ended_and_told() {
    let run = format!("['sql', '--quiet', '-c', \"{ENDLESS}\", '-o', 'out.csv']");
    let place = place(&(job("slow", "0 6 * * *", &run) + "timeout = '2s'\n"));
    place.ingest();
    assert_eq!(schedule(&place, &["run", "--once", "slow"]).status.code(), Some(2));
    let history: Value = serde_json::from_slice(&schedule(&place, &["history", "--json"]).stdout).unwrap();
    assert_eq!(
        (history[0]["state"].as_str(), history[0]["message"].as_str()),
        (Some("timed_out"), Some("ended after 2 s"))
    );
    assert!(fs::read_to_string(place.path("told")).unwrap().contains("trailql slow: timed out"));
    #[cfg(target_os = "linux")]
    assert_eq!(processes_with(place.path("lake").to_str().unwrap()), Vec::<String>::new());
    assert!(!place.path("out.csv").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_run_has_started_ends_with_it() {
    let place = place(&(job("slow", "0 6 * * *", "['ingest', 'logs', '--notify', 'stuck']") + "timeout = '8s'\n"));
    let config = fs::read_to_string(place.path("trailql.toml")).unwrap();
    let lake = place.path("lake");
    let command = format!("['sh', '-c', 'touch started; sleep 1000; true', '{}']", lake.display());
    let stuck = format!("[[notify]]\nname = 'stuck'\nkind = 'command'\nalways = true\ncommand = {command}\n");
    fs::write(place.path("trailql.toml"), config + &stuck).unwrap();
    assert_eq!(schedule(&place, &["run", "--once", "slow"]).status.code(), Some(2));
    assert!(place.path("started").exists(), "the run has come to its notification");
    assert_eq!(processes_with(lake.to_str().unwrap()), Vec::<String>::new());
}

/// Command lines of running processes that name a path.
#[cfg(target_os = "linux")]
fn processes_with(path: &str) -> Vec<String> {
    let command = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).ok();
    let commands = fs::read_dir("/proc").unwrap().flatten().filter_map(command);
    commands.map(|words| text(&words)).filter(|words| words.contains(path)).collect()
}

/// Processes that a process started and that still run.
#[cfg(target_os = "linux")]
fn children(parent: u32) -> Vec<String> {
    let stat = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("stat")).ok();
    let mut found = Vec::new();
    for stat in fs::read_dir("/proc").unwrap().flatten().filter_map(stat) {
        // `pid (name) state parent …`
        let (pid, rest) = stat.split_once(" (").unwrap();
        let fields: Vec<&str> = rest.rsplit_once(") ").unwrap().1.split(' ').collect();
        if fields[1] == parent.to_string() {
            found.push(pid.to_owned());
        }
    }
    found
}

#[cfg(target_os = "linux")]
fn is_running(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[cfg(target_os = "linux")]
#[test]
fn a_daemon_that_is_interrupted_lets_its_run_end() {
    use std::os::unix::process::CommandExt as _;

    let place = place(&job("tick", "* * * * * *", "['sql', '--quiet', '-f', 'query.sql', '-o', 'out.csv']"));
    place.ingest();
    // The run waits for its query.
    assert!(std::process::Command::new("mkfifo").arg(place.path("query.sql")).status().unwrap().success());
    let mut command = place.trailql();
    command.args(["schedule", "run"]).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let mut daemon = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while children(daemon.id()).is_empty() {
        assert!(Instant::now() < deadline, "no run");
        std::thread::sleep(Duration::from_millis(50));
    }
    let group = format!("-{}", daemon.id());
    assert!(std::process::Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    let mut said = String::new();
    let mut stderr = BufReader::new(daemon.stderr.take().unwrap());
    while !said.contains("letting running jobs end") {
        said.clear();
        assert!(stderr.read_line(&mut said).unwrap() > 0);
    }
    fs::write(place.path("query.sql"), "SELECT 1 AS one").unwrap();
    assert_eq!(daemon.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_to_string(place.path("out.csv")).unwrap(), "one\r\n1\r\n");
    let history: Value = serde_json::from_slice(&schedule(&place, &["history", "--json"]).stdout).unwrap();
    assert_eq!(history.as_array().unwrap().iter().filter(|run| run["state"] == "ok").count(), 1, "{history}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_daemon_takes_its_run_along_which_is_told_as_lost_once() {
    let run = format!("['sql', '--quiet', '-c', \"{ENDLESS}\", '-o', 'out.csv']");
    let place = place(&job("tick", "* * * * * *", &run));
    place.ingest();
    let mut daemon =
        place.trailql().args(["schedule", "run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    let wait = |what: &str, is_so: &dyn Fn() -> bool| {
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    let id = daemon.id();
    wait("no run", &|| !children(id).is_empty());
    let run = children(id).remove(0);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    wait("the run goes on without its daemon", &|| !is_running(&run));
    assert!(!place.path("out.csv").exists());
    // The claim is over when the timeout is; let it be one of long ago.
    let folder = place.path("lake/_schedule/runs/tick");
    let claims: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(claims.len(), 1, "{claims:?}");
    let mut claim: Value = serde_json::from_slice(&fs::read(&claims[0]).unwrap()).unwrap();
    claim["until"] = "2024-03-01T00:00:00Z".into();
    fs::remove_file(&claims[0]).unwrap();
    fs::write(folder.join("20240229T230000Z.claim-1.json"), claim.to_string()).unwrap();
    let config = fs::read_to_string(place.path("trailql.toml")).unwrap();
    let quick = config.lines().map(|line| if line.starts_with("run =") { "run = ['lake', 'info']" } else { line });
    fs::write(place.path("trailql.toml"), quick.collect::<Vec<_>>().join("\n")).unwrap();
    for _ in 0..2 {
        let output = schedule(&place, &["run", "--once", "tick"]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        std::thread::sleep(Duration::from_secs(1));
    }
    let history: Value = serde_json::from_slice(&schedule(&place, &["history", "--json"]).stdout).unwrap();
    let states: Vec<&str> = history.as_array().unwrap().iter().map(|run| run["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["ok", "ok", "lost"]);
    assert_eq!(fs::read_to_string(place.path("told")).unwrap().matches("trailql tick: lost").count(), 1);
}
