//! The policy by which a lake is kept small.

use chrono::TimeDelta;

use crate::config::Config;

/// What `[upkeep]` and the lake's own section say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Age at which events expire; `None` keeps them for ever.
    pub retention: Option<TimeDelta>,
    /// How often small files are merged; `None` for never.
    pub optimize_every: Option<TimeDelta>,
    /// Age at which files that no version needs are deleted; `None` for never.
    pub vacuum_after: Option<TimeDelta>,
}

impl Config {
    /// The policy of the lake in force.
    pub fn upkeep(&self) -> Upkeep {
        let lake = self.text("lake").unwrap_or_default();
        let span = |key: &str| {
            let own = self.span(&format!("lakes.{lake}.{key}"));
            own.or_else(|| self.span(&format!("upkeep.{key}"))).filter(|span| *span > TimeDelta::zero())
        };
        Upkeep {
            retention: span("retention"),
            optimize_every: span("optimize_every"),
            vacuum_after: span("vacuum_after"),
        }
    }
}
