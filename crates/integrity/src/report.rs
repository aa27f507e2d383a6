//! The account of a validation: counts per chain, and everything that is not simply valid.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::finding::{Chain, Finding, Severity, Subject};
use crate::verdict::Verdict;

/// Files of one kind, by what was found about them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Proved.
    pub valid: u64,
    /// Altered, moved, missing or added.
    pub invalid: u64,
    /// Neither proved nor disproved.
    pub unchecked: u64,
}

/// What was found in one chain.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ChainReport {
    /// Hourly digests.
    pub digests: Tally,
    /// Digests that were delivered afterwards.
    pub backfill_digests: Tally,
    /// Log files.
    pub log_files: Tally,
    /// Spans of time for which digests are missing.
    pub missing_spans: u64,
    /// Log files that are too new for a digest.
    pub awaiting_digest: u64,
    /// Log files that were not read, since they were proved before and have not been written since.
    pub proved_before: u64,
    /// Begin of the time that valid digests were found for.
    pub found_from: Option<DateTime<Utc>>,
    /// Its end.
    pub found_until: Option<DateTime<Utc>>,
}

/// The whole account.
#[derive(Debug, Default)]
pub struct Report {
    /// Begin of the time that was asked for.
    pub since: Option<DateTime<Utc>>,
    /// Its end.
    pub until: DateTime<Utc>,
    /// Every chain that was found.
    pub chains: BTreeMap<Arc<Chain>, ChainReport>,
    /// Everything that is not simply valid, sorted by chain and place.
    pub findings: Vec<Finding>,
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Everything is proved.
    Valid,
    /// Something is altered, moved, missing or added.
    Invalid,
    /// Nothing is invalid, and something could not be checked.
    Unchecked,
}

impl Report {
    /// The answer in one word.
    pub fn conclusion(&self) -> Conclusion {
        match self.findings.iter().map(|finding| finding.verdict.severity()).max() {
            Some(Severity::Invalid) => Conclusion::Invalid,
            Some(Severity::Unchecked) => Conclusion::Unchecked,
            _ => Conclusion::Valid,
        }
    }

    /// Counts over all chains.
    pub fn total(&self) -> ChainReport {
        self.chains.values().fold(ChainReport::default(), |mut total, chain| {
            total.add(chain);
            total
        })
    }

    /// Takes in one finding.
    pub(crate) fn record(&mut self, finding: Finding) {
        self.chains.entry(Arc::clone(&finding.chain)).or_default().count(finding.subject, &finding.verdict);
        if finding.verdict.severity() != Severity::Valid && finding.verdict != Verdict::AwaitsDigest {
            self.findings.push(finding);
        }
    }

    /// Notes that a valid digest of `chain` covers that time.
    pub(crate) fn cover(&mut self, chain: &Arc<Chain>, start: DateTime<Utc>, end: DateTime<Utc>) {
        let start = self.since.map_or(start, |since| start.max(since));
        let end = end.min(self.until);
        self.chains.entry(Arc::clone(chain)).or_default().widen(Some(start), Some(end));
    }

    /// Puts the findings in an order that does not depend on who was faster.
    pub(crate) fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            (&a.chain, a.subject, &a.key, a.verdict.code()).cmp(&(&b.chain, b.subject, &b.key, b.verdict.code()))
        });
    }
}

impl ChainReport {
    fn count(&mut self, subject: Subject, verdict: &Verdict) {
        self.proved_before += u64::from(*verdict == Verdict::ValidBefore);
        self.awaiting_digest += u64::from(*verdict == Verdict::AwaitsDigest);
        self.missing_spans += u64::from(matches!(verdict, Verdict::HoursMissing { .. }));
        let tally = match subject {
            Subject::Digest => &mut self.digests,
            Subject::BackfillDigest => &mut self.backfill_digests,
            Subject::LogFile => &mut self.log_files,
            Subject::Span => return,
        };
        match verdict.severity() {
            Severity::Valid => tally.valid += 1,
            Severity::Notice => {}
            Severity::Unchecked => tally.unchecked += 1,
            Severity::Invalid => tally.invalid += 1,
        }
    }

    fn widen(&mut self, from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) {
        self.found_from = [self.found_from, from].into_iter().flatten().min();
        self.found_until = self.found_until.max(until);
    }

    fn add(&mut self, other: &Self) {
        self.digests.add(other.digests);
        self.backfill_digests.add(other.backfill_digests);
        self.log_files.add(other.log_files);
        self.missing_spans += other.missing_spans;
        self.awaiting_digest += other.awaiting_digest;
        self.proved_before += other.proved_before;
        self.widen(other.found_from, other.found_until);
    }

    /// The lines of counts as the AWS CLI writes them, with what it does not know behind them.
    pub fn ratios(&self) -> Vec<String> {
        let kinds = [(self.digests, "digest"), (self.backfill_digests, "backfill digest"), (self.log_files, "log")];
        kinds.iter().filter_map(|(tally, name)| tally.ratio(name)).collect()
    }
}

impl Tally {
    /// Files of the kind.
    pub fn total(&self) -> u64 {
        self.valid + self.invalid + self.unchecked
    }

    fn add(&mut self, other: Self) {
        self.valid += other.valid;
        self.invalid += other.invalid;
        self.unchecked += other.unchecked;
    }

    fn ratio(&self, name: &str) -> Option<String> {
        let total = self.total();
        let parts = [(self.invalid, "INVALID"), (self.unchecked, "NOT CHECKED")];
        let mut line = (total > 0).then(|| format!("{}/{total} {name} files valid", self.valid))?;
        for (count, word) in parts.iter().filter(|(count, _)| *count > 0) {
            line += &format!(", {count}/{total} {name} files {word}");
        }
        Some(line)
    }
}
