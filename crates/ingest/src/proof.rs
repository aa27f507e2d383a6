//! `--verify`: log files are taken only if a digest proves the very bytes that are read.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{MAIN_SEPARATOR, Path};
use std::sync::Arc;

use chrono::{NaiveTime, TimeDelta, Utc};
use trailql_integrity::{Filters, Finding, KeyRing, Progress, Promise, Promises, Severity, Verdict, promises};
use trailql_lake::{DigestRecord, LogRecord, ObjectKey, ProofState};
use trailql_source::LogFile;
use trailql_store::Stores;

use crate::account::{FailedFile, Verified};
use crate::delivery::open_delivery;
use crate::error::IngestError;
use crate::plan::Plan;
use crate::proof_record::{digest_record, log_record};

/// A file may be named by a minute of the day before that of its folder.
const DAY_MARGIN: TimeDelta = TimeDelta::hours(1);

/// Said of a file that no chain of digests has to do with.
const NO_CHAIN: &str = "it does not lie where CloudTrail delivers log files with digests";

/// What log files are to be proved by.
#[derive(Debug)]
pub struct Verify {
    /// The public keys of CloudTrail.
    pub keys: Arc<KeyRing>,
    /// Bucket, and prefix in it, that folders are a copy of; `None` to take what their digests say.
    pub copy_of: Option<String>,
}

/// What digests say about the files of a run.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    promises: HashMap<String, Promise>,
    digests: Vec<Finding>,
    /// Files that are not read, with their versions.
    left_out: Vec<(LogFile, Option<Finding>)>,
}

impl Proofs {
    /// Checks the digests of the time of the planned files, and takes those out of the plan that no valid one mentions.
    pub(crate) async fn settle(
        stores: &Stores,
        verify: &Verify,
        sources: &[String],
        plan: &mut Plan,
    ) -> Result<Self, IngestError> {
        let mut proofs = Self::default();
        let wanted: HashSet<&str> = plan.files().map(|file| file.name.as_str()).collect();
        let Some(filters) = filters(plan).filter(|_| !wanted.is_empty()) else {
            proofs.sort_out(plan);
            return Ok(proofs);
        };
        for place in sources.iter().map(|source| folder_of(source)).collect::<BTreeSet<_>>() {
            let source = Arc::new(open_delivery(stores, &place, verify.copy_of.as_deref()).await?);
            let (keys, progress) = (Arc::clone(&verify.keys), Arc::new(Progress::default()));
            let Promises { files, digests } = promises(source, filters.clone(), keys, progress, &wanted).await?;
            proofs.promises.extend(files);
            proofs.digests.extend(digests);
        }
        proofs.sort_out(plan);
        Ok(proofs)
    }

    fn sort_out(&mut self, plan: &mut Plan) {
        for unit in &mut plan.units {
            for file in std::mem::take(unit) {
                match self.promises.get(&file.name) {
                    Some(Promise::Expected { .. }) => unit.push(file),
                    Some(Promise::None(finding)) => self.left_out.push((file, Some(finding.clone()))),
                    None => self.left_out.push((file, None)),
                }
            }
        }
        plan.units.retain(|unit| !unit.is_empty());
        for (file, finding) in &self.left_out {
            match finding {
                Some(finding) if state(finding) == ProofState::Failed => {
                    let (file, reason) = (file.name.clone(), format!("is not taken: {}", finding.verdict));
                    plan.failed.push(FailedFile { file, reason });
                }
                _ => plan.counts.left_out += 1,
            }
        }
    }

    /// What is promised about a file that is read.
    pub(crate) fn promise(&self, file: &str) -> Option<&Promise> {
        self.promises.get(file)
    }

    /// The account of what is not read.
    pub(crate) fn account(&self) -> Verified {
        let mut verified = Verified::default();
        for (file, finding) in &self.left_out {
            let reason = finding.as_ref().map_or_else(|| NO_CHAIN.to_owned(), |finding| finding.verdict.to_string());
            match finding.as_ref().map_or(ProofState::NotChecked, state) {
                ProofState::NoDigestYet => {
                    verified.awaiting_digest += 1;
                    continue;
                }
                // Named among the files that failed.
                ProofState::Failed => continue,
                ProofState::NotMentioned => verified.not_mentioned += 1,
                _ => verified.not_checked += 1,
            }
            verified.findings.push(FailedFile { file: file.name.clone(), reason: format!("is left out: {reason}") });
        }
        for finding in &self.digests {
            let is_digest = digest_record(finding).is_some();
            match finding.verdict.severity() {
                Severity::Valid => verified.digests_valid += u64::from(is_digest),
                Severity::Notice => {}
                Severity::Unchecked | Severity::Invalid => {
                    verified.digests_not_valid += u64::from(is_digest);
                    let reason = finding.verdict.to_string();
                    verified.findings.push(FailedFile { file: finding.location(), reason });
                }
            }
        }
        verified
    }

    /// The records of digests, and of what is not read.
    pub(crate) fn records(&self) -> (Vec<LogRecord>, Vec<DigestRecord>) {
        let log = |(file, finding): &(LogFile, Option<Finding>)| match finding {
            Some(finding) => log_record(finding, file.name.clone(), Some(file.identity)),
            None => unknown_record(file),
        };
        (self.left_out.iter().map(log).collect(), self.digests.iter().filter_map(digest_record).collect())
    }

    /// The record of a file that was read.
    pub(crate) fn record(&self, file: &str, version: ObjectKey, verdict: &Verdict) -> Option<LogRecord> {
        let Some(Promise::Expected { chain, digest, bucket, key, .. }) = self.promise(file) else { return None };
        let finding = Finding {
            chain: Arc::clone(chain),
            subject: trailql_integrity::Subject::LogFile,
            bucket: bucket.clone(),
            key: key.clone(),
            verdict: verdict.clone(),
            digest: Some(Arc::clone(digest)),
            version: None,
        };
        Some(log_record(&finding, file.to_owned(), Some(version)))
    }
}

fn state(finding: &Finding) -> ProofState {
    crate::proof_record::state(&finding.verdict)
}

fn unknown_record(file: &LogFile) -> LogRecord {
    let key = file.key.as_ref();
    LogRecord {
        source_file: file.name.clone(),
        version: Some(file.identity),
        state: ProofState::NotChecked,
        reason: Some(NO_CHAIN.to_owned()),
        digest: None,
        trail: None,
        account: key.map(|key| key.account.clone()),
        region: key.map(|key| key.region.clone()),
        location: None,
    }
}

/// The digests that can mention the planned files: none, if none lies where CloudTrail delivers.
fn filters(plan: &Plan) -> Option<Filters> {
    let keys = || plan.files().filter_map(|file| file.key.as_ref());
    let first = keys().map(|key| key.day).min()?;
    let names = |name: fn(&trailql_source::LogKey) -> &String| -> Vec<String> {
        keys().map(name).collect::<BTreeSet<_>>().into_iter().cloned().collect()
    };
    Some(Filters {
        since: Some(first.and_time(NaiveTime::MIN).and_utc() - DAY_MARGIN),
        until: Utc::now(),
        accounts: names(|key| &key.account),
        regions: names(|key| &key.region),
        trails: Vec::new(),
    })
}

/// The folder that a source is in, whose digests lie beside it: what is in front of a pattern or of the beginning of a key.
fn folder_of(source: &str) -> String {
    if let Some(key) = source.strip_prefix("s3://").or_else(|| source.strip_prefix("s3a://")) {
        let literal = key.find(['*', '?', '[']).map_or(key, |at| &key[..at]);
        let (bucket, key) = literal.split_once('/').unwrap_or((literal, ""));
        let folder = key.rfind('/').map_or("", |at| &key[..=at]);
        return format!("s3://{bucket}/{folder}");
    }
    match source.find(['*', '?', '[']) {
        Some(at) if !Path::new(source).exists() => {
            let literal = &source[..at];
            literal.rfind(['/', MAIN_SEPARATOR]).map_or(".", |at| &literal[..=at]).to_owned()
        }
        _ => source.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_looked_for_beside_what_is_asked_for() {
        for (source, folder) in [
            ("s3://bucket", "s3://bucket/"),
            ("s3://bucket/AWSLogs", "s3://bucket/"),
            ("s3://bucket/p/AWSLogs/*/CloudTrail/", "s3://bucket/p/AWSLogs/"),
            ("s3://bucket/AWSLogs/1111", "s3://bucket/AWSLogs/"),
            ("copy/AWSLogs", "copy/AWSLogs"),
            ("copy/AWSLogs/*/CloudTrail", "copy/AWSLogs/"),
            ("*.json.gz", "."),
        ] {
            assert_eq!(folder_of(source), folder, "{source}");
        }
    }
}
