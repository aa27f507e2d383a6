//! Java's regular expressions, as Trino has them: by an engine whose time is linear where it knows the pattern, and by
//! one that tries again for look-around, back-references and possessive quantifiers.

use std::fmt;
use std::ops::Range;

use datafusion::common::{Result, exec_datafusion_err};

/// A compiled pattern.
pub(super) enum Pattern {
    Linear(regex::Regex),
    Trying(fancy_regex::Regex),
}

/// Where the groups of one match are.
pub(super) trait Groups {
    /// The place of a group by number; 0 is the whole match.
    fn group(&self, index: usize) -> Option<Range<usize>>;

    /// The place of a group by name.
    fn named(&self, name: &str) -> Option<Range<usize>>;
}

impl Groups for regex::Captures<'_> {
    fn group(&self, index: usize) -> Option<Range<usize>> {
        self.get(index).map(|found| found.range())
    }

    fn named(&self, name: &str) -> Option<Range<usize>> {
        self.name(name).map(|found| found.range())
    }
}

impl Groups for fancy_regex::Captures<'_> {
    fn group(&self, index: usize) -> Option<Range<usize>> {
        self.get(index).map(|found| found.range())
    }

    fn named(&self, name: &str) -> Option<Range<usize>> {
        self.name(name).map(|found| found.range())
    }
}

impl Pattern {
    /// Reads a pattern; what neither engine knows is an error.
    pub(super) fn compile(pattern: &str) -> Result<Self> {
        let pattern = unquoted(pattern);
        if !needs_trying(&pattern)
            && let Ok(regex) = regex::Regex::new(&pattern)
        {
            return Ok(Self::Linear(regex));
        }
        fancy_regex::Regex::new(&pattern).map(Self::Trying).map_err(|error| {
            let reason = match regex::Regex::new(&pattern) {
                Err(linear) if !needs_trying(&pattern) => linear.to_string(),
                _ => error.to_string(),
            };
            let reason = reason.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or(&reason);
            exec_datafusion_err!("'{pattern}' is no regular expression that can run here: {reason}")
        })
    }

    /// Number of groups, the whole match with them.
    pub(super) fn groups(&self) -> usize {
        match self {
            Self::Linear(regex) => regex.captures_len(),
            Self::Trying(regex) => regex.captures_len(),
        }
    }

    pub(super) fn is_match(&self, text: &str) -> Result<bool> {
        match self {
            Self::Linear(regex) => Ok(regex.is_match(text)),
            Self::Trying(regex) => regex.is_match(text).map_err(|error| self.gave_up(&error)),
        }
    }

    /// Calls `visit` with each match, until it says no.
    pub(super) fn each_match(&self, text: &str, mut visit: impl FnMut(&dyn Groups) -> bool) -> Result<()> {
        match self {
            Self::Linear(regex) => {
                regex.captures_iter(text).all(|found| visit(&found));
            }
            Self::Trying(regex) => {
                for found in regex.captures_iter(text) {
                    if !visit(&found.map_err(|error| self.gave_up(&error))?) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Calls `visit` with the place of each match, until it says no.
    pub(super) fn each_place(&self, text: &str, mut visit: impl FnMut(Range<usize>) -> bool) -> Result<()> {
        match self {
            Self::Linear(regex) => {
                regex.find_iter(text).all(|found| visit(found.range()));
            }
            Self::Trying(regex) => {
                for found in regex.find_iter(text) {
                    if !visit(found.map_err(|error| self.gave_up(&error))?.range()) {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn gave_up(&self, error: &fancy_regex::Error) -> datafusion::error::DataFusionError {
        exec_datafusion_err!(
            "the regular expression '{self}' takes too many tries: {error}; write it without look-around"
        )
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linear(regex) => regex.as_str(),
            Self::Trying(regex) => regex.as_str(),
        })
    }
}

/// Says whether the linear engine would take possessive quantifiers for something else.
fn needs_trying(pattern: &str) -> bool {
    ["*+", "++", "?+", "}+"].iter().any(|possessive| pattern.contains(possessive))
}

/// Spells Java's `\Q…\E`, text as it is, with escapes.
fn unquoted(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find("\\Q") {
        let quoted = &rest[at + 2..];
        let (text, behind) = quoted.split_once("\\E").unwrap_or((quoted, ""));
        out.push_str(&rest[..at]);
        out.push_str(&regex::escape(text));
        rest = behind;
    }
    out + rest
}
