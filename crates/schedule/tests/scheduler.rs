//! The scheduler by a clock that the test sets.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use tokio::sync::{mpsc, watch};
use trailql_schedule::{
    Claimed, Clock, Executor, Finished, Job, Missed, Records, RunRecord, RunState, ScheduleError, Scheduler,
};

/// A clock that stands still until the test sets it, and knows how many wait for it.
struct SetClock {
    now: watch::Sender<DateTime<Utc>>,
    waiting: watch::Sender<usize>,
    /// How often somebody began to wait.
    sleeps: watch::Sender<usize>,
}

/// One that waits, until it is dropped.
struct Waiting<'a>(&'a SetClock);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.send_modify(|waiting| *waiting -= 1);
    }
}

impl SetClock {
    fn at(time: &str) -> Arc<Self> {
        Arc::new(Self {
            now: watch::Sender::new(time.parse().unwrap()),
            waiting: watch::Sender::new(0),
            sleeps: watch::Sender::new(0),
        })
    }

    /// Sets the time as soon as `waiting` wait for it.
    async fn set(&self, time: &str, waiting: usize) {
        self.waiting.subscribe().wait_for(|count| *count == waiting).await.unwrap();
        self.now.send_replace(time.parse().unwrap());
    }

    /// Sets the time, and returns when the one that waits has begun to wait for another.
    async fn sleep_over(&self, time: &str) {
        let before = *self.sleeps.borrow();
        self.set(time, 1).await;
        self.sleeps.subscribe().wait_for(|count| *count > before).await.unwrap();
    }
}

#[async_trait]
impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.borrow()
    }

    async fn sleep_until(&self, time: DateTime<Utc>) {
        self.sleeps.send_modify(|sleeps| *sleeps += 1);
        self.waiting.send_modify(|waiting| *waiting += 1);
        let _waiting = Waiting(self);
        self.now.subscribe().wait_for(|now| *now >= time).await.unwrap();
    }
}

/// Tells the test when a run begins and ends, and ends it when the test says so.
struct Steps {
    begun: mpsc::UnboundedSender<String>,
    ended: mpsc::UnboundedSender<RunRecord>,
    go: Mutex<Option<watch::Receiver<bool>>>,
}

#[async_trait]
impl Executor for Steps {
    async fn run(&self, _: &Job, firing: DateTime<Utc>) -> Finished {
        self.begun.send(firing.format("%d %H:%M").to_string()).unwrap();
        let go = self.go.lock().unwrap().clone();
        if let Some(mut go) = go {
            go.wait_for(|go| *go).await.unwrap();
        }
        Finished { state: RunState::Ok, message: "done".to_owned() }
    }

    async fn lost(&self, _: &Job, record: &RunRecord) {
        self.begun.send(format!("lost {}", record.firing.format("%d %H:%M"))).unwrap();
    }

    async fn ended(&self, _: &Job, record: Result<RunRecord, ScheduleError>) {
        let _ = self.ended.send(record.unwrap());
    }
}

struct Daemon {
    clock: Arc<SetClock>,
    begun: mpsc::UnboundedReceiver<String>,
    ended: mpsc::UnboundedReceiver<RunRecord>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

fn daily(missed: Missed) -> Job {
    Job::try_new("daily", "0 9 * * *", "UTC", missed, TimeDelta::hours(1)).unwrap()
}

fn records(store: &Arc<InMemory>, owner: &str) -> Records {
    Records::new(Arc::clone(store) as Arc<dyn ObjectStore>, Path::from("_schedule/runs"), owner.to_owned())
}

impl Daemon {
    fn start(store: &Arc<InMemory>, clock: &Arc<SetClock>, job: Job, go: Option<watch::Receiver<bool>>) -> Self {
        let (begun_sender, begun) = mpsc::unbounded_channel();
        let (ended_sender, ended) = mpsc::unbounded_channel();
        let executor = Arc::new(Steps { begun: begun_sender, ended: ended_sender, go: Mutex::new(go) });
        let scheduler = Scheduler::new(vec![job], Arc::clone(clock), records(store, "a"), executor);
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move { scheduler.run(stopped).await });
        Self { clock: Arc::clone(clock), begun, ended, stop, task }
    }

    async fn runs_at(&mut self, time: &str) -> String {
        self.clock.set(time, 1).await;
        let firing = self.begun.recv().await.unwrap();
        self.ended.recv().await.unwrap();
        firing
    }

    async fn stop(mut self) -> Vec<String> {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
        let mut left = Vec::new();
        while let Ok(firing) = self.begun.try_recv() {
            left.push(firing);
        }
        left
    }
}

#[tokio::test]
async fn runs_each_firing_once_and_notes_it() {
    let (store, clock) = (Arc::new(InMemory::new()), SetClock::at("2024-03-01T08:00:00Z"));
    let mut daemon = Daemon::start(&store, &clock, daily(Missed::Skip), None);
    assert_eq!(daemon.runs_at("2024-03-01T09:00:00Z").await, "01 09:00");
    assert_eq!(daemon.runs_at("2024-03-02T09:00:10Z").await, "02 09:00");
    assert!(daemon.stop().await.is_empty());
    let runs = records(&store, "a").runs("daily").await.unwrap();
    assert_eq!(
        runs.iter().map(|run| run.firing.to_rfc3339()).collect::<Vec<_>>(),
        ["2024-03-02T09:00:00+00:00", "2024-03-01T09:00:00+00:00"]
    );
    assert_eq!((runs[0].state, runs[0].message.as_str(), runs[0].attempt), (RunState::Ok, "done", 1));
}

#[tokio::test]
async fn a_missed_run_is_made_up_for_if_the_job_says_so() {
    let store = Arc::new(InMemory::new());
    let clock = SetClock::at("2024-03-05T12:00:00Z");
    let mut catching_up = Daemon::start(&store, &clock, daily(Missed::RunLast), None);
    assert_eq!(catching_up.begun.recv().await.unwrap(), "05 09:00");
    assert!(catching_up.stop().await.is_empty());
    // Again: it was run, so it is not missed any more.
    let mut again = Daemon::start(&store, &clock, daily(Missed::RunLast), None);
    assert_eq!(again.runs_at("2024-03-06T09:00:00Z").await, "06 09:00");
    // A machine that slept over two firings makes up for the last one.
    assert_eq!(again.runs_at("2024-03-08T10:00:00Z").await, "08 09:00");
    again.stop().await;
    let other = Arc::new(InMemory::new());
    let mut skipping = Daemon::start(&other, &clock, daily(Missed::Skip), None);
    assert_eq!(skipping.runs_at("2024-03-09T09:00:00Z").await, "09 09:00");
    // Slept over two of them, which are left out; the next one is run.
    skipping.clock.sleep_over("2024-03-11T10:00:00Z").await;
    assert_eq!(skipping.runs_at("2024-03-12T09:00:00Z").await, "12 09:00");
    skipping.stop().await;
}

#[tokio::test]
async fn two_daemons_run_a_firing_once() {
    let (store, clock) = (Arc::new(InMemory::new()), SetClock::at("2024-03-01T08:00:00Z"));
    let (one, two) = (
        Daemon::start(&store, &clock, daily(Missed::Skip), None),
        Daemon::start(&store, &clock, daily(Missed::Skip), None),
    );
    let (mut one, mut two) = (one, two);
    clock.set("2024-03-01T09:00:00Z", 2).await;
    tokio::select! {
        _ = one.begun.recv() => {}
        _ = two.begun.recv() => {}
    }
    // Stopping waits for both to have looked.
    let (left_one, left_two) = (one.stop().await, two.stop().await);
    assert!(left_one.is_empty() && left_two.is_empty(), "{left_one:?} {left_two:?}");
    assert_eq!(records(&store, "a").runs("daily").await.unwrap().len(), 1);
}

#[tokio::test]
async fn stopping_waits_for_the_run() {
    let (store, clock) = (Arc::new(InMemory::new()), SetClock::at("2024-03-01T08:00:00Z"));
    let (go, gate) = watch::channel(false);
    let mut daemon = Daemon::start(&store, &clock, daily(Missed::Skip), Some(gate));
    clock.set("2024-03-01T09:00:00Z", 1).await;
    daemon.begun.recv().await.unwrap();
    daemon.stop.send(true).unwrap();
    tokio::task::yield_now().await;
    assert!(!daemon.task.is_finished());
    go.send(true).unwrap();
    daemon.task.await.unwrap();
    assert_eq!(records(&store, "a").runs("daily").await.unwrap()[0].state, RunState::Ok);
}

#[tokio::test]
async fn a_claim_of_the_dead_is_over_when_the_timeout_is() {
    let store = Arc::new(InMemory::new());
    let job = daily(Missed::RunLast);
    let firing: DateTime<Utc> = "2024-03-01T09:00:00Z".parse().unwrap();
    let (dead, alive) = (records(&store, "dead"), records(&store, "alive"));
    // The first one claims and is never heard of again.
    assert!(matches!(dead.claim(&job, firing, firing).await.unwrap(), Claimed::Ours(_)));
    let soon = firing + TimeDelta::minutes(30);
    assert!(matches!(alive.claim(&job, firing, soon).await.unwrap(), Claimed::Taken));
    let next = firing + TimeDelta::minutes(1);
    assert!(matches!(alive.claim(&job, next, soon).await.unwrap(), Claimed::Overlap));
    let later = firing + TimeDelta::hours(2);
    let Claimed::Ours(claim) = alive.claim(&job, firing, later).await.unwrap() else { panic!("not ours") };
    assert_eq!(claim.attempt, 2);
    alive.finish(&claim, RunState::Ok, "", later).await.unwrap();
    assert!(matches!(dead.claim(&job, firing, later).await.unwrap(), Claimed::Taken));
}

/// A store in which a daemon claimed the run of 09:00 and died.
async fn with_a_dead_daemon(job: &Job) -> Arc<InMemory> {
    let store = Arc::new(InMemory::new());
    let firing: DateTime<Utc> = "2024-03-01T09:00:00Z".parse().unwrap();
    assert!(matches!(records(&store, "dead").claim(job, firing, firing).await.unwrap(), Claimed::Ours(_)));
    store
}

#[tokio::test]
async fn a_run_whose_daemon_died_is_told_of_once() {
    let store = with_a_dead_daemon(&daily(Missed::Skip)).await;
    let clock = SetClock::at("2024-03-01T09:30:00Z");
    let (mut one, mut two) = (
        Daemon::start(&store, &clock, daily(Missed::Skip), None),
        Daemon::start(&store, &clock, daily(Missed::Skip), None),
    );
    // Both wait for the end of the claim and for the next firing.
    clock.set("2024-03-01T10:01:00Z", 4).await;
    let told = tokio::select! {
        told = one.begun.recv() => told,
        told = two.begun.recv() => told,
    };
    assert_eq!(told.unwrap(), "lost 01 09:00");
    clock.waiting.subscribe().wait_for(|waiting| *waiting == 2).await.unwrap();
    let (left_one, left_two) = (one.stop().await, two.stop().await);
    assert!(left_one.is_empty() && left_two.is_empty(), "{left_one:?} {left_two:?}");
    let runs = records(&store, "a").runs("daily").await.unwrap();
    assert_eq!((runs.len(), runs[0].state, runs[0].attempt), (1, RunState::Lost, 1));
    assert!(runs[0].message.contains("process dead is gone"), "{}", runs[0].message);
}

#[tokio::test]
async fn a_run_whose_daemon_died_is_taken_up_if_the_job_makes_up_for_missed_ones() {
    let job = daily(Missed::RunLast);
    let store = with_a_dead_daemon(&job).await;
    let clock = SetClock::at("2024-03-01T09:30:00Z");
    let mut daemon = Daemon::start(&store, &clock, job, None);
    clock.set("2024-03-01T10:01:00Z", 2).await;
    assert_eq!(daemon.begun.recv().await.unwrap(), "01 09:00");
    assert_eq!(daemon.ended.recv().await.unwrap().attempt, 2);
    assert!(daemon.stop().await.is_empty());
}
