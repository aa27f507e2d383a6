//! What is done for the lake between passes.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use trailql_lake::Lake;
use trailql_upkeep::{
    ExpireOptions, ExpireSummary, OptimizeOptions, OptimizeSummary, Progress, VacuumOptions, VacuumSummary, expire,
    optimize, vacuum,
};

use crate::error::FollowError;
use crate::follow::Stop;

/// Expiry goes by days, and nothing is urgent about deleting files.
const DAILY: TimeDelta = TimeDelta::days(1);

/// When to do what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpkeepPolicy {
    /// Age at which events expire; `None` keeps them for ever.
    pub retention: Option<TimeDelta>,
    /// Time between two compactions; `None` for none.
    pub optimize_every: Option<TimeDelta>,
    /// Age at which files that no version needs are deleted; `None` for never.
    pub vacuum_after: Option<TimeDelta>,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct UpkeepReport {
    /// The compaction, if one was due and found something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimize: Option<OptimizeSummary>,
    /// The expiry, if one was due and something went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire: Option<ExpireSummary>,
    /// The deletion of old files, if one was due and something went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vacuum: Option<VacuumSummary>,
}

#[derive(Debug)]
pub(crate) struct Upkeep {
    lake: Lake,
    policy: UpkeepPolicy,
    optimized: DateTime<Utc>,
    cleaned: Option<DateTime<Utc>>,
}

impl Upkeep {
    pub(crate) fn new(lake: Lake, policy: UpkeepPolicy) -> Self {
        Self { lake, policy, optimized: Utc::now(), cleaned: None }
    }

    /// Does what is due; `None` if there was nothing to do. What is asked to stop in the middle leaves the lake as it was.
    pub(crate) async fn run_if_due(
        &mut self,
        now: DateTime<Utc>,
        stop: &Stop,
    ) -> Result<Option<UpkeepReport>, FollowError> {
        if stop.is_stopped() {
            return Ok(None);
        }
        tokio::select! {
            report = self.run(now) => report,
            () = stop.stopped() => Ok(None),
        }
    }

    async fn run(&mut self, now: DateTime<Utc>) -> Result<Option<UpkeepReport>, FollowError> {
        let mut report = UpkeepReport::default();
        if self.policy.optimize_every.is_some_and(|every| now - self.optimized >= every) {
            self.optimized = now;
            let summary = optimize(&mut self.lake, &OptimizeOptions::default(), &Arc::new(Progress::default())).await?;
            report.optimize = Some(summary).filter(|summary| summary.files_removed > 0 || !summary.failed.is_empty());
        }
        if self.cleaned.is_none_or(|cleaned| now - cleaned >= DAILY) {
            self.cleaned = Some(now);
            report.expire = self.expire(now).await?;
            report.vacuum = self.vacuum().await?;
        }
        let is_idle = report.optimize.is_none() && report.expire.is_none() && report.vacuum.is_none();
        Ok((!is_idle).then_some(report))
    }

    async fn expire(&mut self, now: DateTime<Utc>) -> Result<Option<ExpireSummary>, FollowError> {
        let Some(retention) = self.policy.retention else { return Ok(None) };
        let options = ExpireOptions { floor: (now - retention).date_naive(), undated: false, dry_run: false };
        let summary = expire(&mut self.lake, &options).await?;
        Ok(Some(summary).filter(|summary| !summary.days.is_empty()))
    }

    async fn vacuum(&mut self) -> Result<Option<VacuumSummary>, FollowError> {
        let Some(older_than) = self.policy.vacuum_after else { return Ok(None) };
        self.lake.refresh().await?;
        let summary = vacuum(&mut self.lake, &VacuumOptions { older_than, dry_run: false }).await?;
        Ok(Some(summary).filter(|summary| !summary.deleted.is_empty() || !summary.failed.is_empty()))
    }
}
