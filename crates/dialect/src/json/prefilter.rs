//! A look at JSON text before it is walked: most events have not the member that a query asks for.

use memchr::memmem;

use super::path::Step;

/// What a text must contain for a path to lead anywhere in it.
#[derive(Debug)]
pub(crate) struct Prefilter {
    /// The longest of the path's member names, in quotes.
    name: memmem::Finder<'static>,
    /// The start of the only escape in which a plain name may hide.
    escape: memmem::Finder<'static>,
}

impl Prefilter {
    /// Returns `None` for paths of which nothing can be told so.
    pub(super) fn of(steps: &[Step]) -> Option<Self> {
        // Behind a wildcard nothing has to be there: the answer is an empty array.
        let sure = steps.iter().take_while(|step| !matches!(step, Step::Every));
        let names = sure.filter_map(|step| match step {
            Step::Member(name) if is_plain(name) => Some(name),
            _ => None,
        });
        let name = names.max_by_key(|name| name.len())?;
        Some(Self {
            name: memmem::Finder::new(&format!("\"{name}\"")).into_owned(),
            escape: memmem::Finder::new("\\u"),
        })
    }

    /// Says whether the text has to be walked.
    pub(super) fn lets_through(&self, json: &str) -> bool {
        let bytes = json.as_bytes();
        self.name.find(bytes).is_some() || (memchr::memchr(b'\\', bytes).is_some() && self.escape.find(bytes).is_some())
    }
}

/// Says whether JSON writes the name in one way only, but for `\u` escapes.
fn is_plain(name: &str) -> bool {
    !name.chars().any(|c| c.is_control() || matches!(c, '"' | '\\' | '/'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn member(name: &str) -> Step {
        Step::Member(name.to_owned())
    }

    #[test]
    fn stops_texts_without_the_name() {
        let filter = Prefilter::of(&[member("a"), member("bucketName"), Step::Element(0), member("x")]).unwrap();
        assert!(filter.lets_through(r#"{"a":{"bucketName":["x"]}}"#));
        assert!(filter.lets_through(r#"{"a":{"b\u0075cketName":["x"]}}"#));
        assert!(!filter.lets_through(r#"{"a":{"bucketNames":["x\n"]}}"#));
        assert!(!filter.lets_through(""));
    }

    #[test]
    fn says_nothing_of_paths_that_need_no_name() {
        assert!(Prefilter::of(&[]).is_none());
        assert!(Prefilter::of(&[Step::Element(0)]).is_none());
        assert!(Prefilter::of(&[Step::Every, member("name")]).is_none());
        for name in ["a/b", "a\"b", "a\\b", "a\nb"] {
            assert!(Prefilter::of(&[member(name)]).is_none(), "{name}");
        }
    }
}
