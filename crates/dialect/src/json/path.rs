//! JSON paths: `$.bucketName`, `$.items[0].name`, `$["x-amz-id"]`, `$.resources[*].arn`.

use std::borrow::Cow;

use datafusion::common::{Result, exec_err};

use super::prefilter::Prefilter;
use super::scan::{Cursor, minify, unescape};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The member of this name.
    Member(String),
    /// The member of this name, in any case.
    MemberAnyCase(String),
    /// The element of this index, from 0.
    Element(usize),
    /// Every element or member; the answer is an array.
    Every,
}

/// A parsed path.
#[derive(Debug)]
pub(crate) struct Path {
    steps: Vec<Step>,
    prefilter: Option<Box<Prefilter>>,
}

impl Path {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        // Behind a wildcard nothing has to be there: the answer is an empty array.
        let sure = steps.iter().take_while(|step| !matches!(step, Step::Every));
        let names = sure.filter_map(|step| match step {
            Step::Member(name) => Some(name.as_str()),
            _ => None,
        });
        let prefilter = Prefilter::of(names).map(Box::new);
        Self { steps, prefilter }
    }

    /// Reads Trino's notation.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let wrong = || exec_err!("'{text}' is no JSON path; write '$', '$.name', '$.list[0]' or '$[\"any name\"]'");
        let Some(mut rest) = text.strip_prefix('$') else { return wrong() };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let Some((step, behind)) = next_step(rest) else { return wrong() };
            steps.push(step);
            rest = behind;
        }
        Ok(Self::new(steps))
    }

    /// Returns the text of the value that the path leads to.
    ///
    /// Reads no further than it must: what is wrong behind the value does no harm. Of members that come twice, the
    /// first counts.
    pub(crate) fn find<'a>(&self, json: &'a str) -> Option<Cow<'a, str>> {
        if self.prefilter.as_ref().is_some_and(|prefilter| !prefilter.lets_through(json)) {
            return None;
        }
        find(Cursor::new(json), &self.steps)
    }
}

fn next_step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        if let Some(rest) = rest.strip_prefix('*') {
            return Some((Step::Every, rest));
        }
        let length = rest.find(|c: char| !is_name_char(c)).unwrap_or(rest.len());
        return (length > 0).then(|| (Step::Member(rest[..length].to_owned()), &rest[length..]));
    }
    let inner = text.strip_prefix('[')?;
    if let Some(rest) = inner.strip_prefix("*]") {
        return Some((Step::Every, rest));
    }
    let quote = inner.chars().next()?;
    if matches!(quote, '"' | '\'') {
        let (name, rest) = quoted(&inner[1..], quote)?;
        return Some((Step::Member(name), rest.strip_prefix(']')?));
    }
    let (index, rest) = inner.split_once(']')?;
    match index.parse::<usize>() {
        Ok(index) => Some((Step::Element(index), rest)),
        Err(_) => {
            (!index.is_empty() && index.chars().all(is_name_char)).then(|| (Step::Member(index.to_owned()), rest))
        }
    }
}

/// Reads a quoted name, in which a backslash escapes the quote and itself.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.push(chars.next()?.1),
            c if c == quote => return Some((name, &text[at + c.len_utf8()..])),
            c => name.push(c),
        }
    }
    None
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '$' | '/' | '@' | '|' | '#')
}

fn find<'a>(mut cursor: Cursor<'a>, steps: &[Step]) -> Option<Cow<'a, str>> {
    let Some((step, rest)) = steps.split_first() else { return cursor.take_value().map(Cow::Borrowed) };
    match step {
        Step::Every => every(cursor, rest),
        Step::Element(index) => {
            let mut at = 0;
            find_where(rest, |visit| {
                cursor.elements(|element| {
                    at += 1;
                    at <= *index || visit(element)
                })
            })
        }
        Step::Member(name) => find_where(rest, |visit| cursor.members(|key, value| !is_key(key, name) || visit(value))),
        Step::MemberAnyCase(name) => find_where(rest, |visit| {
            cursor.members(|key, value| !unescape(key).is_some_and(|key| same_in_any_case(&key, name)) || visit(value))
        }),
    }
}

/// Runs a walk that shows at most one value, and goes on from there.
fn find_where<'a>(
    rest: &[Step],
    walk: impl FnOnce(&mut dyn FnMut(Cursor<'a>) -> bool) -> Option<()>,
) -> Option<Cow<'a, str>> {
    let mut found = None;
    walk(&mut |cursor| {
        found = find(cursor, rest);
        false
    })?;
    found
}

fn every<'a>(cursor: Cursor<'a>, rest: &[Step]) -> Option<Cow<'a, str>> {
    let mut found: Vec<Cow<'a, str>> = Vec::new();
    let mut visit = |value| {
        found.extend(find(value, rest));
        true
    };
    match cursor.peek()? {
        b'[' => cursor.elements(&mut visit)?,
        b'{' => cursor.members(|_, value| visit(value))?,
        _ => return None,
    }
    let found: Vec<Cow<'_, str>> = found.iter().map(|value| minify(value)).collect();
    Some(Cow::Owned(format!("[{}]", found.join(","))))
}

fn is_key(key: &str, name: &str) -> bool {
    key == name || (key.contains('\\') && unescape(key).is_some_and(|key| key == name))
}

fn same_in_any_case(key: &str, name: &str) -> bool {
    key.eq_ignore_ascii_case(name) || key.to_lowercase() == name.to_lowercase()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn at<'a>(json: &'a str, path: &str) -> Option<Cow<'a, str>> {
        Path::parse(path).unwrap().find(json)
    }

    #[test]
    fn follows_members_and_elements() {
        let json = r#"{"a": {"b": [10, {"c": "x"}]}, "x-y": 1, "a.b": 2, "a": 3}"#;
        assert_eq!(at(json, "$.a.b[1].c").as_deref(), Some("\"x\""));
        assert_eq!(at(json, "$.a.b[0]").as_deref(), Some("10"));
        assert_eq!(at(json, "$.a.b[2]"), None);
        assert_eq!(at(json, "$.x-y").as_deref(), Some("1"));
        assert_eq!(at(json, r#"$["a.b"]"#).as_deref(), Some("2"));
        assert_eq!(at(json, "$['a.b']").as_deref(), Some("2"));
        assert_eq!(at(json, "$.A"), None);
        assert_eq!(at(json, "$.a.b.c"), None);
    }

    #[test]
    fn collects_with_wildcards() {
        let json = r#"{"r":[{"arn":"1"},{"no":0},{"arn": [ 2 ]}]}"#;
        assert_eq!(at(json, "$.r[*].arn").as_deref(), Some(r#"["1",[2]]"#));
        assert_eq!(at(json, "$.r.*.no").as_deref(), Some("[0]"));
        assert_eq!(at(json, "$.r[0].arn[*]"), None);
    }

    #[test]
    fn reads_up_to_the_value_only() {
        assert_eq!(at(r#"{"a":1,"b""#, "$.a").as_deref(), Some("1"));
        assert_eq!(at(r#"{"a":1,"b""#, "$.b"), None);
        assert_eq!(at("no json", "$.a"), None);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f32>().prop_map(|number| Value::from(f64::from(number))),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::hash_map("[a-c]|.{0,3}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// The scanner finds what a tree holds, whatever the blanks between tokens.
        #[test]
        fn finds_what_serde_finds(json in any_json(), first in "[a-c]", index in 0_usize..4, second in "[a-c]") {
            let path = Path::parse(&format!("$.{first}[{index}].{second}")).unwrap();
            let member = json.get(&first);
            let wanted = member.and_then(|value| value.as_array()?.get(index)?.get(&second)).cloned();
            for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
                let found = path.find(&text).map(|value| serde_json::from_str::<Value>(&value).unwrap());
                prop_assert_eq!(&found, &wanted);
                let found = Path::parse(&format!("$.{first}")).unwrap().find(&text).map(|value| minify(&value).into_owned());
                prop_assert_eq!(found, member.map(Value::to_string));
            }
        }

        #[test]
        fn never_panics(text in ".{0,40}", path in "\\$[.\\[\\]a-c\"'*0-9]{0,8}") {
            if let Ok(path) = Path::parse(&path) {
                let _ = path.find(&text);
            }
        }
    }

    #[test]
    fn finds_names_that_are_escaped_and_nothing_behind_a_wildcard() {
        assert_eq!(at(r#"{"b\u0075cket":1}"#, "$.bucket").as_deref(), Some("1"));
        assert_eq!(at(r#"{"a\/b":1}"#, r#"$["a/b"]"#).as_deref(), Some("1"));
        assert_eq!(at("[{}]", "$[*].name").as_deref(), Some("[]"));
        assert_eq!(at(r#"{"other":"bucket"}"#, "$.bucket"), None);
    }

    #[test]
    fn refuses_what_is_no_path() {
        for path in ["", "a", "$.", "$..a", "$[", "$[\"a]", "$.a[-1", "$ .a"] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
    }
}
