//! Which spans of time are still to be fetched.

use chrono::{DateTime, Utc};

/// A span of time, its end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) start: DateTime<Utc>,
    pub(crate) end: DateTime<Utc>,
}

impl Span {
    pub(crate) fn is_empty(&self) -> bool {
        self.start >= self.end
    }
}

/// The parts of `wanted` that no span of `covered` holds, in order of time.
pub(crate) fn missing(wanted: Span, mut covered: Vec<Span>) -> Vec<Span> {
    covered.sort();
    let mut gaps = Vec::new();
    let mut from = wanted.start;
    for span in covered {
        gaps.push(Span { start: from, end: span.start.min(wanted.end) });
        from = from.max(span.end);
    }
    gaps.push(Span { start: from, end: wanted.end });
    gaps.retain(|gap| !gap.is_empty());
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64) -> Span {
        let time = |seconds| DateTime::from_timestamp(seconds, 0).expect("a time");
        Span { start: time(start), end: time(end) }
    }

    #[test]
    fn finds_what_is_missing() {
        for (covered, gaps) in [
            (vec![], vec![span(10, 20)]),
            (vec![span(10, 20)], vec![]),
            (vec![span(0, 30)], vec![]),
            (vec![span(15, 17), span(12, 13)], vec![span(10, 12), span(13, 15), span(17, 20)]),
            (vec![span(5, 12), span(11, 14), span(19, 25)], vec![span(14, 19)]),
            (vec![span(0, 5), span(25, 30)], vec![span(10, 20)]),
            (vec![span(12, 19), span(13, 14)], vec![span(10, 12), span(19, 20)]),
        ] {
            assert_eq!(missing(span(10, 20), covered.clone()), gaps, "{covered:?}");
        }
    }
}
