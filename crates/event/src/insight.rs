//! Insights events in CloudTrail Lake's flat flavour, as `insightdetails` has them.
//!
//! ```text
//! {"insightState": "Start", "insightEventName": …, "insightContext": {"insightAverage": 10.5, …}}
//!   → {"state": "Start", "eventName": …, "insightContext": {"statistics": {"insight": {"average": 10.5}, …}}}
//! ```
//!
//! Source: CloudTrail User Guide, "CloudTrail record contents for Insights events for trails" and "… for event data
//! stores". The flat members themselves stay in `unmapped`.

use crate::model::ROOT;
use crate::record::Extra;
use crate::scan::{Scanner, Value};

/// Flat member, and the member of `insightDetails` that it is.
const MEMBERS: [(&[u8], &[u8]); 6] = [
    (b"insightState", b"state"),
    (b"insightEventSource", b"eventSource"),
    (b"insightEventName", b"eventName"),
    (b"insightType", b"insightType"),
    (b"insightErrorCode", b"errorCode"),
    (b"insightSource", b"insightSource"),
];

const CONTEXT: &[u8] = b"insightContext";

/// Appends the `insightDetails` that the flat members among `extras` make up, `{}` and false if there are none.
pub(crate) fn write_flat_insight(extras: &[Extra<'_>], out: &mut Vec<u8>) -> bool {
    let find = |name: &[u8]| extras.iter().find(|extra| extra.node == ROOT && extra.name == name);
    let start = out.len();
    out.push(b'{');
    for (flat, member) in MEMBERS {
        if let Some(extra) = find(flat) {
            write_name(member, out);
            extra.value.write_json(out);
        }
    }
    if let Some(context) = find(CONTEXT) {
        write_name(CONTEXT, out);
        match flat_context(&context.value) {
            Some(members) => write_context(&members, out),
            None => context.value.write_json(out),
        }
    }
    let is_flat = out.len() > start + 1;
    out.push(b'}');
    is_flat
}

type Member<'a> = (&'a [u8], Value<'a>);

/// The members of a context object; `None` if it is something else, or has `statistics` already.
fn flat_context<'a>(context: &Value<'a>) -> Option<Vec<Member<'a>>> {
    let Value::Nested { raw, .. } = context else { return None };
    let mut scanner = Scanner::new(raw);
    let mut more = scanner.peek().ok()? == b'{' && scanner.open(b'}').ok()?;
    let mut members = Vec::new();
    while more {
        let (name, _) = scanner.key().ok()?;
        members.push((name, scanner.value().ok()?));
        more = scanner.more(b'}').ok()?;
    }
    members.iter().all(|(name, _)| *name != b"statistics").then_some(members)
}

fn write_context(members: &[Member<'_>], out: &mut Vec<u8>) {
    let is_statistic = |name: &[u8]| average(name).is_some() || name.ends_with(b"Duration");
    out.extend_from_slice(b"{\"statistics\":{");
    for (name, value) in members.iter().filter(|(name, _)| is_statistic(name)) {
        write_name(average(name).unwrap_or(name), out);
        match average(name) {
            Some(_) => {
                out.extend_from_slice(b"{\"average\":");
                value.write_json(out);
                out.push(b'}');
            }
            None => value.write_json(out),
        }
    }
    out.push(b'}');
    for (name, value) in members.iter().filter(|(name, _)| !is_statistic(name)) {
        write_name(name, out);
        value.write_json(out);
    }
    out.push(b'}');
}

/// The statistic that a flat average belongs to.
fn average(name: &[u8]) -> Option<&'static [u8]> {
    match name {
        b"baselineAverage" => Some(b"baseline"),
        b"insightAverage" => Some(b"insight"),
        _ => None,
    }
}

/// Writes a member's name, after a comma unless it is the first.
fn write_name(name: &[u8], out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(name);
    out.extend_from_slice(b"\":");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Record, RecordReader};

    fn details(event: &str) -> Option<String> {
        let mut scanner = Scanner::new(event.as_bytes());
        let mut record = Record::new();
        RecordReader::new().read(event.as_bytes(), &mut scanner, &mut record).expect("an object");
        let mut out = Vec::new();
        write_flat_insight(&record.extras, &mut out).then(|| String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn puts_flat_members_together() {
        let event = r#"{"insightState":"End","insightEventName":"RunInstances","insightErrorCode":"E","other":1,
            "insightContext":{"baselineAverage":0.0,"insightAverage":3,"insightDuration":5,"attributions":[{"attribute":"a"}]}}"#;
        let wanted = r#"{"state":"End","eventName":"RunInstances","errorCode":"E","insightContext":{"statistics":{"baseline":{"average":0.0},"insight":{"average":3},"insightDuration":5},"attributions":[{"attribute":"a"}]}}"#;
        assert_eq!(details(event).as_deref(), Some(wanted));
    }

    #[test]
    fn leaves_other_contexts_as_they_are() {
        assert_eq!(details(r#"{"eventName":"a"}"#), None);
        let nested = r#"{"insightContext":{"statistics":{}}}"#;
        assert_eq!(details(nested).as_deref(), Some(nested));
        assert_eq!(details(r#"{"insightContext":"x"}"#).as_deref(), Some(r#"{"insightContext":"x"}"#));
    }
}
