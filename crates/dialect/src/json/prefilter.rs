//! A look at JSON text before it is walked: most events have not the member that a query asks for.

use memchr::memmem;

/// What a text must contain for a path to lead anywhere in it.
#[derive(Debug)]
pub(crate) struct Prefilter {
    /// The name of a member on the path, in quotes.
    name: memmem::Finder<'static>,
    /// The start of the only escape in which a plain name may hide.
    escape: memmem::Finder<'static>,
}

impl Prefilter {
    /// Looks for the longest of the names, all of which are on the path; `None` where nothing can be told by them.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let name = names.filter(|name| is_plain(name)).max_by_key(|name| name.len())?;
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

    #[test]
    fn stops_texts_without_the_longest_name() {
        let filter = Prefilter::of(["a", "bucketName", "x"].into_iter()).unwrap();
        assert!(filter.lets_through(r#"{"a":{"bucketName":["x"]}}"#));
        assert!(filter.lets_through(r#"{"a":{"b\u0075cketName":["x"]}}"#));
        assert!(!filter.lets_through(r#"{"a":{"bucketNames":["x\n"]}}"#));
        assert!(!filter.lets_through(""));
    }

    #[test]
    fn says_nothing_of_names_that_can_be_written_in_other_ways() {
        assert!(Prefilter::of(std::iter::empty()).is_none());
        for name in ["a/b", "a\"b", "a\\b", "a\nb"] {
            assert!(Prefilter::of(std::iter::once(name)).is_none(), "{name}");
        }
    }
}
