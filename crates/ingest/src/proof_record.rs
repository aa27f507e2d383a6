//! Findings as the records that a lake keeps of them.

use std::path::Path;

use trailql_integrity::{Finding, ObjectVersion, Severity, Subject, Verdict};
use trailql_lake::{DigestRecord, DigestVerdict, LogRecord, ObjectKey, ProofState};
use trailql_source::{local_identity, object_identity};

/// The state of a log file of which that was found.
pub(crate) fn state(verdict: &Verdict) -> ProofState {
    match verdict {
        Verdict::AwaitsDigest => ProofState::NoDigestYet,
        Verdict::NotMentioned => ProofState::NotMentioned,
        Verdict::NotFound => ProofState::Missing,
        verdict => match verdict.severity() {
            Severity::Valid => ProofState::Proved,
            Severity::Invalid => ProofState::Failed,
            Severity::Notice | Severity::Unchecked => ProofState::NotChecked,
        },
    }
}

/// What a finding says about the log file that ingest calls `source_file`, and about which version of it.
pub fn log_record(finding: &Finding, source_file: String, version: Option<ObjectKey>) -> LogRecord {
    let chain = &finding.chain;
    let state = state(&finding.verdict);
    LogRecord {
        version,
        state,
        reason: (state != ProofState::Proved).then(|| finding.verdict.to_string()),
        digest: finding.digest.as_ref().map(|digest| digest.location.clone()),
        trail: (!chain.trail.is_empty()).then(|| chain.trail_arn()),
        account: Some(chain.account.clone()),
        region: Some(chain.region.clone()),
        location: Some(finding.location()),
        source_file,
    }
}

/// What a finding says about a digest; `None` if it is about something else, or only worth knowing.
pub fn digest_record(finding: &Finding) -> Option<DigestRecord> {
    let verdict = match finding.verdict.severity() {
        _ if !matches!(finding.subject, Subject::Digest | Subject::BackfillDigest) => return None,
        Severity::Notice => return None,
        Severity::Valid => DigestVerdict::Valid,
        Severity::Unchecked => DigestVerdict::NotChecked,
        Severity::Invalid => DigestVerdict::Invalid,
    };
    let (chain, info) = (&finding.chain, finding.digest.as_ref());
    Some(DigestRecord {
        digest: finding.location(),
        verdict,
        reason: (finding.verdict != Verdict::Valid).then(|| finding.verdict.to_string()),
        trail: chain.trail_arn(),
        account: chain.account.clone(),
        region: chain.region.clone(),
        is_backfill: finding.subject == Subject::BackfillDigest,
        start: info.and_then(|info| info.start),
        end: info.and_then(|info| info.end),
        log_files: info.and_then(|info| info.log_files),
    })
}

/// The ledger's name for a version of a file.
pub fn version_key(source_file: &str, version: &ObjectVersion) -> ObjectKey {
    if source_file.starts_with("s3://") {
        return object_identity(source_file, version.size_bytes, version.e_tag.as_deref());
    }
    local_identity(Path::new(source_file), version.size_bytes, Some(version.modified.into()))
}
