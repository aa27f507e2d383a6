//! The report for programs.

use std::io::{self, Write};

use serde_json::{Value, json};
use trailql_integrity::{Chain, ChainReport, Finding, Report, Verdict};

/// Writes the report as one JSON object.
pub(super) fn write(report: &Report, source: &str, out: &mut impl Write) -> io::Result<()> {
    let chains: Vec<_> = report.chains.iter().map(|(chain, counts)| chain_json(chain, counts)).collect();
    let value = json!({
        "conclusion": report.conclusion(),
        "source": source,
        "since": report.since,
        "until": report.until,
        "total": report.total(),
        "chains": chains,
        "findings": report.findings.iter().map(finding_json).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &value)?;
    writeln!(out)
}

fn chain_json(chain: &Chain, counts: &ChainReport) -> Value {
    let arn = (!chain.trail.is_empty()).then(|| chain.trail_arn());
    json!({ "chain": chain, "trail_arn": arn, "counts": counts })
}

fn finding_json(finding: &Finding) -> Value {
    let verdict = &finding.verdict;
    let (from, to) = match verdict {
        Verdict::HoursMissing { from, to } | Verdict::Gap { from, to } | Verdict::NotContiguous { from, to } => {
            (Some(from), Some(to))
        }
        _ => (None, None),
    };
    json!({
        "severity": verdict.severity(),
        "code": verdict.code(),
        "subject": finding.subject,
        "bucket": finding.bucket,
        "key": finding.key,
        "message": verdict.to_string(),
        "detail": verdict.detail(),
        "consequence": verdict.consequence(),
        "from": from,
        "to": to,
        "account": finding.chain.account,
        "region": finding.chain.region,
        "trail": finding.chain.trail,
    })
}
