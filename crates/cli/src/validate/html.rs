//! The report as one page of HTML that needs nothing else.

use std::io::{self, Write};

use quick_xml::escape::escape;
use trailql_integrity::{ChainReport, Finding, Report, Severity, Tally, display_time};

use super::text::{conclusion, since};

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>CloudTrail log file integrity</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; margin: 1em 0 2em; }
th, td { border-bottom: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top; }
td.n { text-align: right; }
td.place { font: 13px monospace; overflow-wrap: anywhere; }
.invalid { color: #a40000; font-weight: bold; }
.unchecked { color: #8a5a00; font-weight: bold; }
</style>
</head>
<body>
<h1>CloudTrail log file integrity</h1>
"#;

/// Writes the report on `source`.
pub(super) fn write(report: &Report, source: &str, out: &mut impl Write) -> io::Result<()> {
    out.write_all(HEAD.as_bytes())?;
    let (since, until) = (since(report.since), display_time(report.until));
    writeln!(out, "<p>{} from {since} to {until}</p>", escape(source))?;
    writeln!(out, "<p><strong>{}</strong></p>", escape(conclusion(report)))?;
    write_chains(report, out)?;
    if !report.findings.is_empty() {
        write_findings(&report.findings, out)?;
    }
    writeln!(out, "</body>\n</html>")
}

fn write_chains(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<h2>Chains of digests</h2>\n<table>")?;
    let heads = ["Account", "Region", "Trail", "Found from", "Found until", "Digests", "Backfill digests", "Log files"];
    writeln!(out, "<tr><th>{}</th></tr>", heads.join("</th><th>"))?;
    for (chain, counts) in &report.chains {
        let names = [&chain.account, &chain.region, &chain.trail].map(|name| escape(name.as_str()).into_owned());
        write!(out, "<tr><td>{}</td>", names.join("</td><td>"))?;
        write_counts(counts, out)?;
    }
    write!(out, "<tr><th>Total</th><td></td><td></td>")?;
    write_counts(&report.total(), out)?;
    writeln!(out, "</table>")
}

fn write_counts(counts: &ChainReport, out: &mut impl Write) -> io::Result<()> {
    for time in [counts.found_from, counts.found_until] {
        write!(out, "<td>{}</td>", time.map(display_time).unwrap_or_default())?;
    }
    for tally in [counts.digests, counts.backfill_digests, counts.log_files] {
        write!(out, r#"<td class="n">{}</td>"#, tally_text(tally))?;
    }
    writeln!(out, "</tr>")
}

fn tally_text(tally: Tally) -> String {
    let mut text = format!("{} of {} valid", tally.valid, tally.total());
    for (count, class, word) in [(tally.invalid, "invalid", "INVALID"), (tally.unchecked, "unchecked", "not checked")] {
        if count > 0 {
            text += &format!(r#"<br><span class="{class}">{count} {word}</span>"#);
        }
    }
    text
}

fn write_findings(findings: &[Finding], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "<h2>Findings</h2>\n<table>\n<tr><th>Weight</th><th>File</th><th>Finding</th><th>Consequence</th></tr>"
    )?;
    for finding in findings {
        let verdict = &finding.verdict;
        let (class, word) = match verdict.severity() {
            Severity::Invalid => ("invalid", "INVALID"),
            Severity::Unchecked => ("unchecked", "not checked"),
            Severity::Notice | Severity::Valid => ("notice", "note"),
        };
        let (place, text) = (finding.location(), verdict.to_string());
        writeln!(
            out,
            r#"<tr><td class="{class}">{word}</td><td class="place">{}</td><td>{}</td><td>{}</td></tr>"#,
            escape(&place),
            escape(&text),
            verdict.consequence(),
        )?;
    }
    writeln!(out, "</table>")
}
