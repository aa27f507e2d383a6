//! Keys that the client's paths cannot hold: with an empty name between slashes (`/a`, `a//b`), or with `.` or `..` for one.
//!
//! One such key would make the listing of its whole bucket fail. So such names get a mark on the wire, and lose it again
//! where a listing is read. The objects can be told, and cannot be asked for.

use std::borrow::Cow;

/// Of Unicode's private use area, where no key of a log has business.
const MARK: char = '\u{F8FF}';

/// Elements of a listing that hold keys.
const ELEMENTS: [(&str, &str); 2] = [("<Key>", "</Key>"), ("<Prefix>", "</Prefix>")];

/// Marks odd names in the XML of a listing.
pub(crate) fn mark(listing: &str) -> Cow<'_, str> {
    if !listing.contains("//") && !listing.contains("/.") && !listing.contains(">/") && !listing.contains(">.") {
        return listing.into();
    }
    let marked = ELEMENTS.into_iter().fold(listing.to_owned(), |listing, (start, end)| {
        let mut pieces = listing.split(start);
        let mut marked = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (key, rest) = piece.split_once(end).unwrap_or((piece, ""));
            let end = if key.len() == piece.len() { "" } else { end };
            marked.extend([start, &mark_key(key), end, rest]);
        }
        marked
    });
    marked.into()
}

/// The key without marks.
pub(crate) fn unmark(key: String) -> String {
    if key.contains(MARK) { map_names(&key, |name| name.trim_start_matches(MARK).to_owned()) } else { key }
}

/// Whether the client's paths can hold a key as it is.
pub(crate) fn is_odd(key: &str) -> bool {
    mark_key(key) != key
}

fn mark_key(key: &str) -> String {
    // What is behind the last slash may be empty: a folder, or an object that stands for one.
    let (names, slash) = key.strip_suffix('/').map_or((key, ""), |names| (names, "/"));
    if key.is_empty() {
        return String::new();
    }
    let mark = |name: &str| match name {
        "" | "." | ".." => format!("{MARK}{name}"),
        name => name.to_owned(),
    };
    map_names(names, mark) + slash
}

fn map_names(key: &str, change: impl Fn(&str) -> String) -> String {
    key.split('/').map(change).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_marked_and_come_back() {
        let listing = |keys: &[&str]| {
            let keys: String =
                keys.iter().map(|key| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>")).collect();
            format!(
                "<List xmlns=\"http://s3/x\"><Prefix></Prefix>{keys}<CommonPrefixes><Prefix>a//</Prefix></CommonPrefixes></List>"
            )
        };
        let keys = ["/a", "a//b", "a/./b", "../a", "a/b.json", "a/.b", "a/", "//"];
        let marked = mark(&listing(&keys)).into_owned();
        assert_eq!(marked.replace(MARK, ""), listing(&keys));
        for part in marked.split("<Key>").skip(1) {
            let key = part.split("</Key>").next().expect("a key");
            assert!(object_store::path::Path::parse(key).is_ok(), "{key}");
            assert!(keys.contains(&unmark(key.to_owned()).as_str()), "{key}");
        }
        assert!(marked.contains(&format!("<Prefix>a/{MARK}/</Prefix>")), "{marked}");
        assert_eq!(keys.map(is_odd), [true, true, true, true, false, false, false, true]);
    }

    #[test]
    fn other_listings_stay_as_they_are() {
        assert!(matches!(mark("<Key>a/b.json.gz</Key>"), Cow::Borrowed(_)));
    }
}
