//! Who runs which firing, and what became of it: small objects in the lake's own folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use serde::{Deserialize, Serialize};

use crate::error::ScheduleError;
use crate::job::Job;

/// The records of all jobs.
#[derive(Debug, Clone)]
pub struct Records {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    owner: String,
}

/// The right to run one firing.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The firing.
    pub firing: DateTime<Utc>,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    job: String,
    started: DateTime<Utc>,
}

/// What became of asking for a firing.
#[derive(Debug)]
pub enum Claimed {
    /// It is ours.
    Ours(Claim),
    /// It was run, or is being run by another.
    Taken,
    /// An earlier firing of the job is still being run.
    Overlap,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// All went well.
    Ok,
    /// Something was found, or part of it failed.
    Problem,
    /// It failed, or could not be checked.
    Failed,
    /// It took longer than it may.
    TimedOut,
    /// It was not run, since an earlier run was not over.
    Skipped,
    /// It began, and whoever ran it was never heard of again.
    Lost,
}

/// What became of one firing; one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Name of the job.
    pub job: String,
    /// The time it was due.
    pub firing: DateTime<Utc>,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// How it ended.
    pub state: RunState,
    /// Which attempt it was.
    pub attempt: u32,
    /// The last lines of what it said.
    pub message: String,
    /// Who ran it.
    pub owner: String,
}

#[derive(Serialize, Deserialize)]
struct ClaimFile {
    owner: String,
    claimed: DateTime<Utc>,
    /// When the claim is over, whether or not a run record is there.
    until: DateTime<Utc>,
}

/// A firing that was claimed and has no record yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// The firing.
    pub firing: DateTime<Utc>,
    /// When its last claim is over.
    pub until: DateTime<Utc>,
    attempt: u32,
    owner: String,
    claimed: DateTime<Utc>,
}

/// What is known of one firing.
#[derive(Default)]
struct Known {
    attempts: u32,
    /// The last claim, if there is no record.
    open: Option<OpenRun>,
    is_finished: bool,
}

impl Known {
    fn is_running(&self, now: DateTime<Utc>) -> bool {
        self.open.as_ref().is_some_and(|open| open.until > now)
    }
}

impl Records {
    /// Keeps the records below `prefix` of `store`; `owner` tells who claims.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: Path, owner: String) -> Self {
        Self { store, prefix, owner }
    }

    /// Asks for a firing of `job`.
    pub async fn claim(&self, job: &Job, firing: DateTime<Utc>, now: DateTime<Utc>) -> Result<Claimed, ScheduleError> {
        let known = self.known(&job.name).await?;
        let own = known.get(&stamp(firing));
        if own.is_some_and(|own| own.is_finished || own.is_running(now)) {
            return Ok(Claimed::Taken);
        }
        if known.iter().any(|(other, known)| *other != stamp(firing) && known.is_running(now)) {
            return Ok(Claimed::Overlap);
        }
        let claim =
            Claim { firing, attempt: own.map_or(1, |own| own.attempts + 1), job: job.name.clone(), started: now };
        let file =
            ClaimFile { owner: self.owner.clone(), claimed: now, until: now + job.timeout + TimeDelta::minutes(1) };
        let path = self.path(&job.name, firing, &format!("claim-{}", claim.attempt));
        match self.create(&path, &file).await? {
            true => Ok(Claimed::Ours(claim)),
            false => Ok(Claimed::Taken),
        }
    }

    /// Notes what became of a claimed firing.
    pub async fn finish(
        &self,
        claim: &Claim,
        state: RunState,
        message: &str,
        now: DateTime<Utc>,
    ) -> Result<RunRecord, ScheduleError> {
        let record = RunRecord {
            job: claim.job.clone(),
            firing: claim.firing,
            started: claim.started,
            ended: now,
            state,
            attempt: claim.attempt,
            message: message.to_owned(),
            owner: self.owner.clone(),
        };
        self.create(&self.path(&claim.job, claim.firing, "run"), &record).await?;
        Ok(record)
    }

    /// The firings of a job that were claimed and have no record, oldest first.
    pub async fn open_runs(&self, job: &Job) -> Result<Vec<OpenRun>, ScheduleError> {
        Ok(self.known(&job.name).await?.into_values().filter_map(|known| known.open).collect())
    }

    /// Notes that a run whose claim is over is lost; `None` if another has noted something.
    pub async fn lose(&self, job: &Job, run: &OpenRun, now: DateTime<Utc>) -> Result<Option<RunRecord>, ScheduleError> {
        let record = RunRecord {
            job: job.name.clone(),
            firing: run.firing,
            started: run.claimed,
            ended: now,
            state: RunState::Lost,
            attempt: run.attempt,
            message: format!("the run did not end: process {} is gone, or its machine", run.owner),
            owner: self.owner.clone(),
        };
        let is_ours = self.create(&self.path(&job.name, run.firing, "run"), &record).await?;
        Ok(is_ours.then_some(record))
    }

    /// Notes that a firing was left out, unless another has noted something.
    pub async fn skip(&self, job: &Job, firing: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), ScheduleError> {
        let claim = Claim { firing, attempt: 0, job: job.name.clone(), started: now };
        self.finish(&claim, RunState::Skipped, "an earlier run of the job was not over", now).await.map(drop)
    }

    /// The runs of a job, newest first.
    pub async fn runs(&self, job: &str) -> Result<Vec<RunRecord>, ScheduleError> {
        let mut runs = Vec::new();
        for path in self.list(job).await? {
            if path.as_ref().ends_with(".run.json") {
                runs.push(self.read::<RunRecord>(&path).await?);
            }
        }
        runs.sort_by_key(|run| std::cmp::Reverse(run.firing));
        Ok(runs)
    }

    async fn known(&self, job: &str) -> Result<BTreeMap<String, Known>, ScheduleError> {
        let mut firings: BTreeMap<String, Known> = BTreeMap::new();
        for path in self.list(job).await? {
            let name = path.filename().unwrap_or_default();
            let Some((firing, rest)) = name.split_once('.') else { continue };
            let known = firings.entry(firing.to_owned()).or_default();
            if rest == "run.json" {
                known.is_finished = true;
            } else if let Some(attempt) = rest.strip_prefix("claim-").and_then(|rest| rest.strip_suffix(".json")) {
                known.attempts = known.attempts.max(attempt.parse().unwrap_or_default());
            }
        }
        // Only of the last attempts without an end does it matter until when they run.
        for (firing, known) in firings.iter_mut().filter(|(_, known)| !known.is_finished && known.attempts > 0) {
            let name = format!("{firing}.claim-{}.json", known.attempts);
            let claim: ClaimFile = self.read(&self.prefix.clone().join(job).join(name)).await?;
            let Ok(firing) = NaiveDateTime::parse_from_str(firing, STAMP) else { continue };
            let ClaimFile { owner, claimed, until } = claim;
            known.open = Some(OpenRun { firing: firing.and_utc(), until, attempt: known.attempts, owner, claimed });
        }
        Ok(firings)
    }

    async fn list(&self, job: &str) -> Result<Vec<Path>, ScheduleError> {
        let folder = self.prefix.clone().join(job);
        let objects: Result<Vec<_>, _> =
            self.store.list(Some(&folder)).map_ok(|object| object.location).try_collect().await;
        objects.map_err(|source| ScheduleError::Records { path: folder.to_string(), source })
    }

    async fn read<T: for<'de> Deserialize<'de>>(&self, path: &Path) -> Result<T, ScheduleError> {
        let failed = |source| ScheduleError::Records { path: path.to_string(), source };
        let bytes = self.store.get(path).await.map_err(failed)?.bytes().await.map_err(failed)?;
        serde_json::from_slice(&bytes).map_err(|source| ScheduleError::Damaged { path: path.to_string(), source })
    }

    /// Creates an object; `false` if there is one already.
    async fn create(&self, path: &Path, content: &impl Serialize) -> Result<bool, ScheduleError> {
        let mut line =
            serde_json::to_vec(content).map_err(|source| ScheduleError::Damaged { path: path.to_string(), source })?;
        line.push(b'\n');
        match self.store.put_opts(path, PutPayload::from(line), PutOptions::from(PutMode::Create)).await {
            Ok(_) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(source) => Err(ScheduleError::Records { path: path.to_string(), source }),
        }
    }

    fn path(&self, job: &str, firing: DateTime<Utc>, kind: &str) -> Path {
        self.prefix.clone().join(job).join(format!("{}.{kind}.json", stamp(firing)))
    }
}

/// Form of a firing in names.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// A firing as part of a name; names sort as the times do.
fn stamp(firing: DateTime<Utc>) -> String {
    firing.format(STAMP).to_string()
}
