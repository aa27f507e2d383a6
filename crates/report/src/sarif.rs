//! Assertions as SARIF 2.1.0, which code hosts show as findings.
//!
//! Each assertion is a rule, each finding a result in the file of its query. Accepted findings are suppressed results;
//! an assertion that could not be checked is a notification of the tool, and the run counts as unsuccessful.

use serde_json::{Value, json};

use crate::assertion::{Finding, Verdict};
use crate::document::{Report, ReportedQuery};
use crate::severity::Severity;

/// Where the schema of the format is published.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Name under which fingerprints are compared between runs.
const FINGERPRINT: &str = "trailqlFinding/v1";

/// The report as a SARIF log.
pub fn log(report: &Report) -> Value {
    let rules: Vec<Value> = report.queries.iter().map(rule).collect();
    let results: Vec<Value> = (0..).zip(&report.queries).flat_map(|(index, query)| results(index, query)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "trailql",
                "version": report.trailql,
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            }},
            "invocations": [{
                "executionSuccessful": !report.has_unchecked(),
                "endTimeUtc": report.made_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                "toolExecutionNotifications": notifications(report),
            }],
            "properties": {"source": report.source, "window": report.window},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(query: &ReportedQuery) -> Value {
    let mut rule = json!({
        "id": query.name,
        "name": query.name,
        "shortDescription": {"text": query.title},
        "fullDescription": {"text": non_empty(&query.description, &query.title)},
        "defaultConfiguration": {"level": level(query.severity)},
        "properties": {"tags": unique(&query.tags), "security-severity": score(query.severity)},
    });
    if let Some(remediation) = &query.remediation {
        rule["help"] = json!({"text": remediation});
    }
    rule
}

fn results(index: usize, query: &ReportedQuery) -> Vec<Value> {
    query.findings.iter().map(|finding| result(index, query, finding)).collect()
}

fn result(index: usize, query: &ReportedQuery, finding: &Finding) -> Value {
    let mut result = json!({
        "ruleId": query.name,
        "ruleIndex": index,
        "level": level(query.severity),
        "message": {"text": format!("{}: {}", query.title, finding.summary())},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(&query.path)},
            "region": {"startLine": 1},
        }}],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
    });
    if let Some(acceptance) = &finding.accepted {
        let justification = format!("{} (until {})", acceptance.reason, acceptance.expires);
        result["suppressions"] = json!([{"kind": "external", "status": "accepted", "justification": justification}]);
    }
    result
}

fn notifications(report: &Report) -> Vec<Value> {
    let unchecked = report.queries.iter().filter_map(|query| match &query.verdict {
        Verdict::Unchecked { reason } => Some(json!({
            "level": "error",
            "associatedRule": {"id": query.name},
            "message": {"text": format!("{} was not checked: {reason}", query.name)},
        })),
        _ => None,
    });
    let warnings = report.warnings.iter().map(|text| json!({"level": "warning", "message": {"text": text}}));
    unchecked.chain(warnings).collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Low => "note",
        Severity::Medium => "warning",
        Severity::High | Severity::Critical => "error",
    }
}

/// GitHub sorts by this number: over 9.0 is critical, over 7.0 high, over 4.0 medium.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "0.0",
        Severity::Low => "3.0",
        Severity::Medium => "5.5",
        Severity::High => "8.0",
        Severity::Critical => "9.5",
    }
}

fn unique(tags: &[String]) -> Vec<&String> {
    let mut unique: Vec<&String> = Vec::new();
    for tag in tags {
        if !unique.contains(&tag) {
            unique.push(tag);
        }
    }
    unique
}

fn non_empty<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

/// A path as the relative reference of a URI.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    let mut buffer = [0; 4];
    path.chars()
        .map(|c| {
            if is_plain(c) {
                return c.to_string();
            }
            c.encode_utf8(&mut buffer).bytes().map(|byte| format!("%{byte:02X}")).collect()
        })
        .collect()
}
