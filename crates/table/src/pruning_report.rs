//! What planning skipped, as `EXPLAIN` shows it.

use std::fmt::{self, Formatter};
use std::iter::Sum;

/// How many of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) kept: usize,
    pub(crate) total: usize,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kept, self.total)
    }
}

impl Sum for Kept {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |a, b| Self { kept: a.kept + b.kept, total: a.total + b.total })
    }
}

/// What is left to read, and out of how much.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PruningReport {
    /// Files.
    pub(crate) files: Kept,
    /// Row groups of the files whose footers were looked at; `None` where no footer could tell row groups apart.
    pub(crate) row_groups: Option<Kept>,
    /// Rows of the row groups left, by the page index; `None` where it was not asked or ruled nothing out.
    pub(crate) rows: Option<Kept>,
}

impl fmt::Display for PruningReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "files={}", self.files)?;
        for (name, counts) in [("row_groups", self.row_groups), ("rows", self.rows)] {
            if let Some(counts) = counts {
                write!(f, ", {name}={counts}")?;
            }
        }
        Ok(())
    }
}
