//! The report as JUnit XML, which CI servers show: a suite per chain, a case per finding and per kind of file.

use std::io::{self, Write};

use quick_xml::escape::escape;
use trailql_integrity::{Chain, ChainReport, Finding, Report, Severity};

/// Writes the report.
pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<testsuites name="trailql validate">"#)?;
    for (chain, counts) in &report.chains {
        let findings = report.findings.iter().filter(|finding| finding.chain == *chain);
        write_suite(chain, counts, &findings.collect::<Vec<_>>(), out)?;
    }
    writeln!(out, "</testsuites>")
}

fn write_suite(chain: &Chain, counts: &ChainReport, findings: &[&Finding], out: &mut impl Write) -> io::Result<()> {
    let count = |severity| findings.iter().filter(|finding| finding.verdict.severity() == severity).count();
    let name = format!("{} {} {}", chain.account, chain.region, chain.trail);
    let passed = counts.ratios();
    writeln!(
        out,
        r#"  <testsuite name="{}" tests="{}" failures="{}" errors="{}">"#,
        escape(name.trim_end()),
        passed.len() + findings.len(),
        count(Severity::Invalid),
        count(Severity::Unchecked),
    )?;
    for line in passed {
        writeln!(out, r#"    <testcase classname="counts" name="{}"/>"#, escape(&line))?;
    }
    for finding in findings {
        write_case(finding, out)?;
    }
    writeln!(out, "  </testsuite>")
}

fn write_case(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    let verdict = &finding.verdict;
    let (name, text) = (finding.location(), verdict.to_string());
    write!(out, r#"    <testcase classname="{}" name="{}">"#, verdict.code(), escape(&name))?;
    match verdict.severity() {
        Severity::Invalid => {
            write!(out, r#"<failure message="{}">{}</failure>"#, escape(&text), verdict.consequence())?
        }
        Severity::Unchecked => write!(out, r#"<error message="{}">{}</error>"#, escape(&text), verdict.consequence())?,
        Severity::Notice | Severity::Valid => write!(out, "<system-out>{}</system-out>", escape(&text))?,
    }
    writeln!(out, "</testcase>")
}
