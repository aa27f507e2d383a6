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
    /// Every element; the answer is an array. Members too, where the path is not lax.
    Every,
    /// Every member, likewise.
    EveryMember,
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
        let sure = steps.iter().take_while(|step| !matches!(step, Step::Every | Step::EveryMember));
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

    /// Returns the texts of all values that the path leads to as SQL's lax paths do: a step to a member goes into the
    /// elements of an array, and what is no array is the one element of one.
    ///
    /// `None` where the text is no JSON as far as it is read.
    pub(crate) fn find_lax<'a>(&self, json: &'a str) -> Option<Vec<&'a str>> {
        let mut found = Vec::new();
        if self.prefilter.as_ref().is_some_and(|prefilter| !prefilter.lets_through(json)) {
            return Some(found);
        }
        lax(Cursor::new(json), &self.steps, &mut found)?;
        Some(found)
    }
}

fn next_step(text: &str) -> Option<(Step, &str)> {
    if let Some(rest) = text.strip_prefix('.') {
        if let Some(rest) = rest.strip_prefix('*') {
            return Some((Step::EveryMember, rest));
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
        Step::Every | Step::EveryMember => every(cursor, rest),
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

fn lax<'a>(mut cursor: Cursor<'a>, steps: &[Step], found: &mut Vec<&'a str>) -> Option<()> {
    let Some((step, rest)) = steps.split_first() else {
        found.push(cursor.take_value()?);
        return Some(());
    };
    let mut complete = Some(());
    let mut visit = |cursor| {
        complete = lax(cursor, rest, found);
        complete.is_some()
    };
    match (step, cursor.peek()?) {
        (Step::Every, b'[') => cursor.elements(visit)?,
        (Step::Element(index), b'[') => nth_element(cursor, *index, &mut visit)?,
        // What is no array is the one element of one.
        (Step::Every | Step::Element(0), _) => {
            visit(cursor);
        }
        (Step::Element(_), _) => {}
        // One level of arrays is taken apart, and no more.
        (_, b'[') => cursor.elements(|element| lax_members(element, step, &mut visit).is_some())?,
        _ => lax_members(cursor, step, &mut visit)?,
    }
    complete
}

fn nth_element<'a>(cursor: Cursor<'a>, index: usize, visit: &mut dyn FnMut(Cursor<'a>) -> bool) -> Option<()> {
    let mut at = 0;
    cursor.elements(|element| {
        at += 1;
        if at > index {
            visit(element);
        }
        at <= index
    })
}

/// Visits the members of an object that a step leads to; nothing else has any.
fn lax_members<'a>(cursor: Cursor<'a>, step: &Step, visit: &mut dyn FnMut(Cursor<'a>) -> bool) -> Option<()> {
    if cursor.peek()? != b'{' {
        return Some(());
    }
    cursor.members(|key, value| {
        let is_meant = match step {
            Step::Member(name) => is_key(key, name),
            Step::MemberAnyCase(name) => unescape(key).is_some_and(|key| same_in_any_case(&key, name)),
            _ => return visit(value),
        };
        if is_meant {
            visit(value);
        }
        !is_meant
    })
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
    fn takes_arrays_apart_where_it_is_lax() {
        let all = |json, path: &str| Path::parse(path).unwrap().find_lax(json);
        let json = r#"{"a":[{"b":1},{"c":0},{"b":[2,3]},[{"b":9}],4],"o":{"x":5,"y":[6]}}"#;
        assert_eq!(all(json, "$.a.b"), Some(vec!["1", "[2,3]"]));
        assert_eq!(all(json, "$.a[*].b[*]"), Some(vec!["1", "2", "3", "9"]));
        assert_eq!(all(json, "$.a[0].b[0]"), Some(vec!["1"]));
        assert_eq!(all(json, "$.o[0].x"), Some(vec!["5"]));
        assert_eq!(all(json, "$.o[1].x"), Some(vec![]));
        assert_eq!(all(json, "$.o.*"), Some(vec!["5", "[6]"]));
        assert_eq!(all(json, "$.none.b"), Some(vec![]));
        assert_eq!(all("[]", "$.a"), Some(vec![]));
        assert_eq!(all("7", "$"), Some(vec!["7"]));
        assert_eq!(all("no json", "$.a"), Some(vec![]));
        assert_eq!(all("{\"a\"", "$.a"), None);
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
