//! Assertions as JUnit XML, which CI servers show as tests.
//!
//! Format: the schema of Jenkins' xUnit plugin (`junit-10.xsd`): a failure is an assertion that does not hold, an error
//! one that could not be checked.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use crate::assertion::Verdict;
use crate::document::{Report, ReportedQuery};
use crate::text;

/// Writes the assertions as one test suite.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let count =
        |wanted: fn(&Verdict) -> bool| report.queries.iter().filter(|query| wanted(&query.verdict)).count().to_string();
    let (tests, seconds) =
        (report.queries.len().to_string(), seconds(report.queries.iter().map(|query| query.seconds).sum()));
    let failures = count(|verdict| *verdict == Verdict::Violated);
    let errors = count(|verdict| matches!(verdict, Verdict::Unchecked { .. }));
    let timestamp = report.made_at.format("%Y-%m-%dT%H:%M:%S").to_string();
    let totals = [("tests", &*tests), ("failures", &failures), ("errors", &errors), ("time", &seconds)];
    let mut suites = BytesStart::new("testsuites").with_attributes(totals);
    suites.push_attribute(("name", "trailql assert"));
    xml.write_event(Event::Start(suites))?;
    let mut suite = BytesStart::new("testsuite").with_attributes(totals);
    suite.extend_attributes([("name", clean(&report.title).as_str()), ("skipped", "0"), ("timestamp", &timestamp)]);
    xml.write_event(Event::Start(suite))?;
    write_properties(report, &mut xml)?;
    for query in &report.queries {
        write_case(query, &mut xml)?;
    }
    write_text("system-out", &report.warnings.join("\n"), &mut xml)?;
    xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
    xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
    writeln!(xml.get_mut())
}

fn write_properties<W: Write>(report: &Report, xml: &mut Writer<W>) -> io::Result<()> {
    xml.write_event(Event::Start(BytesStart::new("properties")))?;
    let events = report.source.events.to_string();
    let window = report.window.to_string();
    let location = clean(&report.source.location);
    for (name, value) in [("source", &location), ("window", &window), ("events", &events)] {
        let property = BytesStart::new("property").with_attributes([("name", name), ("value", value.as_str())]);
        xml.write_event(Event::Empty(property))?;
    }
    xml.write_event(Event::End(BytesEnd::new("properties")))
}

fn write_case<W: Write>(query: &ReportedQuery, xml: &mut Writer<W>) -> io::Result<()> {
    let time = seconds(query.seconds);
    let (path, name) = (clean(&query.path), clean(&query.name));
    let case =
        BytesStart::new("testcase").with_attributes([("classname", path.as_str()), ("name", &name), ("time", &time)]);
    xml.write_event(Event::Start(case))?;
    match &query.verdict {
        Verdict::Violated => {
            let message = format!("{}: {}", query.title, text::findings(query.row_count));
            write_problem("failure", query.severity.name(), &message, &findings(query, false), xml)?;
        }
        Verdict::Unchecked { reason } => write_problem("error", "not checked", reason, reason, xml)?,
        Verdict::Held | Verdict::Reported => {}
    }
    write_text("system-out", &findings(query, true), xml)?;
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}

fn write_problem<W: Write>(
    element: &str,
    kind: &str,
    message: &str,
    text: &str,
    xml: &mut Writer<W>,
) -> io::Result<()> {
    let message = clean(message);
    let start = BytesStart::new(element).with_attributes([("type", kind), ("message", message.as_str())]);
    xml.write_event(Event::Start(start))?;
    xml.write_event(Event::Text(BytesText::new(&clean(text))))?;
    xml.write_event(Event::End(BytesEnd::new(element)))
}

fn write_text<W: Write>(element: &str, text: &str, xml: &mut Writer<W>) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    xml.write_event(Event::Start(BytesStart::new(element)))?;
    xml.write_event(Event::Text(BytesText::new(&clean(text))))?;
    xml.write_event(Event::End(BytesEnd::new(element)))
}

/// The open findings, or the accepted ones with their reasons, one a line.
fn findings(query: &ReportedQuery, accepted: bool) -> String {
    let mut lines = Vec::new();
    for finding in &query.findings {
        match &finding.accepted {
            Some(acceptance) if accepted => lines.push(format!(
                "accepted until {}: {} ({})",
                acceptance.expires,
                finding.summary(),
                acceptance.reason
            )),
            None if !accepted => lines.push(finding.summary()),
            _ => {}
        }
    }
    lines.join("\n")
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}

/// Leaves out what XML 1.0 cannot hold at all, however it is escaped.
fn clean(text: &str) -> String {
    let is_allowed =
        |c: &char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if is_allowed(&c) { c } else { '\u{fffd}' }).collect()
}
