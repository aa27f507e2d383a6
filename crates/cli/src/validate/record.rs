//! `--record`: what a validation found, kept in the lake.

use std::sync::Arc;

use trailql_ingest::{digest_record, log_record, version_key};
use trailql_integrity::{Finding, Source, Subject, Verdict};
use trailql_lake::{Lake, LakeError, ProofRun};

use crate::error::CliError;
use crate::globals::Globals;

/// Takes down findings for a lake.
pub(super) struct Recorder {
    lake: Lake,
    source: Arc<Source>,
    run: ProofRun,
    /// The first that could not be taken down.
    failed: Option<LakeError>,
}

impl Recorder {
    /// Opens the lake, before anything is checked in vain.
    pub(super) async fn open(globals: &Globals, source: Arc<Source>) -> Result<Self, CliError> {
        let lake =
            Lake::open(&globals.stores, &globals.lake).await.map_err(|error| CliError::from(error).unchecked())?;
        Ok(Self { lake, source, run: ProofRun::new("validate"), failed: None })
    }

    /// Takes a finding down. What was proved by an earlier run, and not read in this one, stays as it was recorded.
    pub(super) fn note(&mut self, finding: &Finding) {
        if finding.verdict == Verdict::ValidBefore {
            return;
        }
        let noted = match (finding.subject, digest_record(finding)) {
            (Subject::LogFile, _) => {
                let file = self.source.file_name(&finding.bucket, &finding.key);
                let version = finding.version.as_ref().map(|version| version_key(&file, version));
                self.run.add_log(log_record(finding, file, version))
            }
            (_, Some(record)) => self.run.add_digest(record),
            (_, None) => Ok(()),
        };
        if let Err(error) = noted {
            self.failed.get_or_insert(error);
        }
    }

    /// Writes everything to the lake.
    pub(super) async fn write(mut self) -> Result<(), CliError> {
        let written = match self.failed {
            Some(error) => Err(error),
            None => self.run.write(&self.lake).await,
        };
        written.map_err(|error| CliError::from(error).unchecked())
    }
}
