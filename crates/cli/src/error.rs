//! How a command ends: outcomes, errors, hints, exit codes. The only place that maps them.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use trailql_config::ConfigError;
use trailql_export::ExportError;
use trailql_follow::FollowError;
use trailql_ingest::IngestError;
use trailql_lake::LakeError;
use trailql_repl::ReplError;
use trailql_report::ReportError;
use trailql_schedule::ScheduleError;
use trailql_source::SourceError;
use trailql_sql::{FormatError, SqlError};
use trailql_store::{Problem, ProblemKind, StoreError};
use trailql_table::TableError;
use trailql_upkeep::UpkeepError;

/// How a command ended that could do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything went well.
    Done,
    /// The command did its work, but something failed or was rejected on the way.
    DoneWithFailures,
    /// Nothing failed, but something that was asked for could not be checked.
    NotChecked,
    /// The user stopped it.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::DoneWithFailures => Self::FAILURE,
            Outcome::NotChecked => Self::from(2),
            Outcome::Interrupted => Self::from(130),
        }
    }
}

/// A command that could not do its work.
#[derive(Debug)]
pub(crate) struct CliError {
    kind: Kind,
    source: Box<dyn Error + Send + Sync>,
    hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Wrong usage or configuration.
    Usage,
    /// The work failed.
    Failure,
    /// The reader of stdout went away.
    ClosedPipe,
}

impl CliError {
    /// Wrong usage or configuration: exit code 2.
    pub(crate) fn usage(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: Kind::Usage, source: source.into(), hint: None }
    }

    /// Work that failed: exit code 1.
    pub(crate) fn failure(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: Kind::Failure, source: source.into(), hint: None }
    }

    /// A check that could not be made, whatever the reason: exit code 2, never that of a violation.
    pub(crate) fn unchecked(self) -> Self {
        Self { kind: Kind::Usage, ..self }
    }

    /// Says in which file the trouble is.
    pub(crate) fn within(mut self, name: &str) -> Self {
        self.source = format!("{name}: {}", self.source).into();
        self
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do next, if anybody knows.
    fn hint_of(self, hint: Option<&'static str>) -> Self {
        match hint {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// Trouble with a store: whether the user or the store is to blame shows in what it comes down to.
    fn store(source: impl Into<Box<dyn Error + Send + Sync>>, problem: &Problem) -> Self {
        let is_usage = matches!(problem.kind, ProblemKind::NoBucket | ProblemKind::WrongRegion);
        let error = if is_usage { Self::usage(source) } else { Self::failure(source) };
        error.hint_of(problem.hint())
    }

    /// The error in one line.
    pub(crate) fn text(&self) -> String {
        self.source.to_string()
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "trailql: {}", self.source)?;
        let mut cause = self.source.source();
        let mut said = self.source.to_string();
        while let Some(error) = cause {
            // Libraries repeat their causes in their own text; people need each only once.
            let text = error.to_string();
            if !said.contains(&text) {
                writeln!(out, "  because {text}")?;
                said = text;
            }
            cause = error.source();
        }
        if let Some(hint) = &self.hint {
            writeln!(out, "hint: {hint}")?;
        }
        Ok(())
    }

    /// Prints the error with its causes and the hint on stderr.
    pub(crate) fn report(&self) -> ExitCode {
        if self.kind == Kind::ClosedPipe {
            return ExitCode::SUCCESS;
        }
        // Nobody may be listening any more.
        let _ = self.write(&mut io::stderr().lock());
        ExitCode::from(if self.kind == Kind::Usage { 2 } else { 1 })
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { Kind::ClosedPipe } else { Kind::Failure };
        Self { kind, source: error.into(), hint: None }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::UnknownKey { hint: None, .. } => {
                Self::usage(error).hint("`trailql config keys` lists every key")
            }
            error => Self::usage(error),
        }
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let hint = error.hint();
        Self::usage(error).hint_of(hint)
    }
}

impl From<SourceError> for CliError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Store(error) => error.into(),
            SourceError::List { ref problem, .. } => Self::store(error.to_string(), problem),
            SourceError::Interrupted(_) | SourceError::Stdin(_) => Self::failure(error),
            error => Self::usage(error),
        }
    }
}

impl From<LakeError> for CliError {
    fn from(error: LakeError) -> Self {
        match error {
            LakeError::NotFound { .. } => Self::usage(error)
                .hint("make one with `trailql ingest SOURCE`, or name another with --lake or TRAILQL_LAKE"),
            LakeError::NotALake { .. } | LakeError::Location { .. } => Self::usage(error),
            LakeError::Bucket(error) => error.into(),
            LakeError::NoVersion { .. } => {
                Self::usage(error).hint("`trailql lake history` shows the versions there are")
            }
            error => match error.problem() {
                Some(problem) => Self::store(format!("{error}: {problem}"), &problem),
                None => Self::failure(error),
            },
        }
    }
}

impl From<IngestError> for CliError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Lake(error) => error.into(),
            IngestError::Integrity(error) => error.into(),
            IngestError::Source(error) => error.into(),
            IngestError::Condition { .. } => Self::usage(error),
            IngestError::Fetch { ref problem, .. } => Self::store(error.to_string(), problem),
            IngestError::Store { ref source, .. } => {
                let problem = Problem::of(source);
                Self::failure(error).hint_of(problem.hint())
            }
            error => Self::failure(error),
        }
    }
}

impl From<UpkeepError> for CliError {
    fn from(error: UpkeepError) -> Self {
        match error {
            UpkeepError::Lake(error) => error.into(),
            UpkeepError::FutureFloor { .. } => Self::usage(error),
            error => Self::failure(error),
        }
    }
}

impl From<FollowError> for CliError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Ingest(error) => error.into(),
            FollowError::Lake(error) => error.into(),
            FollowError::Upkeep(error) => error.into(),
            FollowError::QueueUrl { .. } => Self::usage(error),
            error => Self::failure(error),
        }
    }
}

impl From<SqlError> for CliError {
    fn from(error: SqlError) -> Self {
        match error {
            // Whatever a statement asks for that cannot be: the statement failed.
            SqlError::Place(error) => match Self::from(error) {
                Self { kind: Kind::Usage, source, hint } => Self { kind: Kind::Failure, source, hint },
                error => error,
            },
            SqlError::Format(error) => error.into(),
            error => Self::failure(error),
        }
    }
}

impl From<ExportError> for CliError {
    fn from(error: ExportError) -> Self {
        let kind = match &error {
            error if error.is_broken_pipe() => Kind::ClosedPipe,
            error if error.is_usage() => Kind::Usage,
            _ => Kind::Failure,
        };
        let hint = error.hint();
        Self { kind, source: error.into(), hint: None }.hint_of(hint)
    }
}

impl From<FormatError> for CliError {
    fn from(error: FormatError) -> Self {
        let kind = if error.is_broken_pipe() { Kind::ClosedPipe } else { Kind::Failure };
        Self { kind, source: error.into(), hint: None }
    }
}

impl From<TableError> for CliError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Source(error) => error.into(),
            error => Self::failure(error),
        }
    }
}

impl From<ReplError> for CliError {
    fn from(error: ReplError) -> Self {
        Self::failure(error)
    }
}

impl From<ReportError> for CliError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Events { .. } => Self::failure(error),
            ReportError::Unknown { .. } => Self::usage(error).hint("`trailql report list` shows the library"),
            error => Self::usage(error),
        }
    }
}

impl From<ScheduleError> for CliError {
    fn from(error: ScheduleError) -> Self {
        match error {
            ScheduleError::Cron { .. } | ScheduleError::Zone { .. } => Self::usage(error),
            error => Self::failure(error),
        }
    }
}
