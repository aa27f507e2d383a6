//! A report as one HTML page that opens offline.
//!
//! Style, scripts and data are inside the page. Its content security policy allows these scripts by their hashes and
//! nothing else: no network request, no inline handler, no markup from log data can do anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::assertion::Verdict;
use crate::document::{Column, Report, ReportedQuery};
use crate::pack::Pack;
use crate::severity::Severity;

/// ID of the element that holds the report as JSON, which `report diff` reads.
pub const DOCUMENT_ID: &str = "trailql-report";

/// [Chart.js](https://www.chartjs.org), MIT; see `assets/README.md`.
const CHART_SCRIPT: &str = include_str!("../assets/chart.umd.min.js");
const SCRIPT: &str = include_str!("../assets/report.js");
const STYLE: &str = include_str!("../assets/report.css");

/// Characters up to which a value stays on one line: account numbers, times, addresses, event IDs, names of actions.
const SHORT_TEXT: usize = 36;

/// The report as a page.
pub fn page(report: &Report) -> Result<String, serde_json::Error> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "trailql " (report.trailql) };
                title { (report.title) " – trailql" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (head_of(report))
                (summary(report))
                @for pack in &report.packs { (controls(pack, report)) }
                @for query in &report.queries { (section(query)) }
                script type="application/json" id=(DOCUMENT_ID) { (PreEscaped(data(report)?)) }
                script { (PreEscaped(CHART_SCRIPT)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    Ok(page.into_string())
}

fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())));
    format!(
        "default-src 'none'; script-src {} {}; style-src {}; base-uri 'none'; form-action 'none'",
        hash(CHART_SCRIPT),
        hash(SCRIPT),
        hash(STYLE)
    )
}

/// The report as JSON that cannot end the element it stands in.
fn data(report: &Report) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string(report)?.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

fn head_of(report: &Report) -> Markup {
    let source = &report.source;
    html! {
        h1 { (report.title) }
        dl.facts {
            dt { "Made" } dd { (report.made_at.format("%Y-%m-%d %H:%M:%S UTC")) " by trailql " (report.trailql) }
            dt { "From" } dd {
                (source.location)
                @if let Some(version) = source.lake_version { ", version " (version) }
            }
            dt { "Time" } dd { (report.window) }
            dt { "Events" } dd { (source.events) }
        }
        @for warning in &report.warnings { p.warning { (warning) } }
        @if source.events == 0 { p.warning { "There are no events in the time looked at. Nothing below proves anything." } }
    }
}

fn summary(report: &Report) -> Markup {
    let severities =
        Severity::ALL.into_iter().rev().filter(|severity| report.queries.iter().any(|q| q.severity == *severity));
    html! {
        h2 { "Summary" }
        div.scroll { table.summary {
            thead { tr { th { "Severity" } th.n { "Queries" } th.n { "Held" } th.n { "Violated" } th.n { "Not checked" }
                th.n { "Open findings" } th.n { "Accepted" } } }
            tbody { @for severity in severities { (summary_row(report, severity)) } }
        } }
        h2 { "Queries" }
        div.scroll { table.contents {
            thead { tr { th { "Query" } th { "Severity" } th { "Result" } th.n { "Rows" } } }
            tbody { @for query in &report.queries { tr {
                td { a href={ "#" (query.name) } { (query.title) } }
                td class=(query.severity) { (query.severity) }
                td { (badge(&query.verdict)) }
                td.n { (query.row_count) }
            } } }
        } }
    }
}

fn summary_row(report: &Report, severity: Severity) -> Markup {
    let queries: Vec<_> = report.queries.iter().filter(|query| query.severity == severity).collect();
    let count = |class: &str| queries.iter().filter(|query| class_of(&query.verdict) == class).count();
    let open: usize = queries.iter().map(|query| query.open_findings()).sum();
    let all: usize = queries.iter().map(|query| query.findings.len()).sum();
    html! {
        tr {
            td class=(severity) { (severity) }
            td.n { (queries.len()) }
            td.n { (count("held")) }
            td.n { (count("violated")) }
            td.n { (count("unchecked")) }
            td.n { (open) }
            td.n { (all - open) }
        }
    }
}

fn class_of(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Reported => "reported",
        Verdict::Held => "held",
        Verdict::Violated => "violated",
        Verdict::Unchecked { .. } => "unchecked",
    }
}

fn badge(verdict: &Verdict) -> Markup {
    html! { span class={ "badge " (class_of(verdict)) } { (verdict.word()) } }
}

fn controls(pack: &Pack, report: &Report) -> Markup {
    let found = |name: &String| report.queries.iter().find(|query| query.name == *name);
    html! {
        h2 { (pack.title) }
        p { (pack.description) }
        div.scroll { table.controls {
            thead { tr { th { "Control" } th { "Asks for" } th { "Queries" } th { "Proves" } th { "Cannot prove" } } }
            tbody { @for control in &pack.controls { tr {
                td { (control.id) @for other in &control.also { br; span.tags { (other) } } }
                td { (control.title) }
                td { @for query in control.queries.iter().filter_map(found) {
                    a href={ "#" (query.name) } { (query.name) } " " (badge(&query.verdict)) br;
                } }
                td { (control.proves) }
                td { (control.misses) }
            } } }
        } }
    }
}

fn section(query: &ReportedQuery) -> Markup {
    html! {
        section.query {
            h2 id=(query.name) { (query.title) " " (badge(&query.verdict)) }
            p { (query.description) }
            p.tags { span class=(query.severity) { (query.severity) } " · " (query.name) " · " (query.tags.join(", ")) }
            @if let Verdict::Unchecked { reason } = &query.verdict { p.warning { "Not checked: " (reason) } }
            @if query.chart.is_some() && !query.rows.is_empty() {
                div.chart { canvas role="img" aria-label={ "Chart: " (query.title) } {} }
            }
            (table(query))
            (facts(query))
            details { summary { "SQL" } pre { (query.sql) } }
        }
    }
}

fn facts(query: &ReportedQuery) -> Markup {
    html! {
        dl.facts {
            @if let Some(proves) = &query.proves { dt { "Proves" } dd { (proves) } }
            @if let Some(misses) = &query.misses { dt { "Cannot prove" } dd { (misses) } }
            @if let Some(remediation) = &query.remediation { dt { "To do" } dd { (remediation) } }
            @for (name, value) in &query.parameters { dt { "$" (name) } dd { (value) } }
            dt { "Rows" } dd {
                (query.row_count)
                @if query.is_cut() { ", of which the first " (query.rows.len()) " are shown" }
            }
            dt { "SHA-256" } dd { code.hash { (query.sha256) } }
        }
    }
}

fn table(query: &ReportedQuery) -> Markup {
    if query.rows.is_empty() {
        return html! { @if !query.columns.is_empty() { p { "No rows." } } };
    }
    let is_accepted = |row: usize| query.findings.get(row).is_some_and(|finding| finding.accepted.is_some());
    html! {
        input.filter type="search" placeholder="Filter rows" aria-label={ "Filter rows of " (query.title) };
        span.count role="status" {}
        div.scroll { table.rows {
            thead { tr { @for column in &query.columns {
                th class=[is_number(column).then_some("n")] { button type="button" { (column.name) } }
            } } }
            tbody { @for (index, row) in query.rows.iter().enumerate() {
                tr class=[is_accepted(index).then_some("accepted")] {
                    @for (column, value) in query.columns.iter().zip(row) { (cell(column, value)) }
                }
            } }
        } }
        @if query.findings.iter().any(|finding| finding.accepted.is_some()) { (accepted(query)) }
    }
}

fn cell(column: &Column, value: &Value) -> Markup {
    match value {
        Value::Null => html! { td.null { "NULL" } },
        Value::String(text) => {
            html! { td class=(if text.chars().count() <= SHORT_TEXT { "s" } else { "l" }) { (text) } }
        }
        other => html! { td class=[is_number(column).then_some("n")] { (other) } },
    }
}

fn accepted(query: &ReportedQuery) -> Markup {
    let accepted = query.findings.iter().filter_map(|finding| Some((finding, finding.accepted.as_ref()?)));
    html! {
        h3 { "Accepted findings" }
        ul { @for (finding, acceptance) in accepted {
            li { (finding.summary()) ": " (acceptance.reason) " (until " (acceptance.expires) ")" }
        } }
    }
}

fn is_number(column: &Column) -> bool {
    ["tinyint", "smallint", "int", "bigint", "real", "double"].contains(&column.kind.as_str())
        || column.kind.starts_with("decimal")
}
