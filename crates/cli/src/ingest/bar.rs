//! How far an ingest is, on a terminal.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use trailql_ingest::Progress;

use crate::globals::Globals;

/// Redraws of the progress bar.
const TICK: Duration = Duration::from_millis(100);

/// A progress bar that follows the counters; nothing where stderr is no terminal.
pub(super) struct Bar {
    bar: ProgressBar,
    task: tokio::task::JoinHandle<()>,
}

impl Bar {
    pub(super) fn start(progress: &Arc<Progress>, globals: &Globals) -> Self {
        let visible = !globals.quiet && io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template(
            "{bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}, {msg}, {eta} left",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let (drawn, progress) = (bar.clone(), Arc::clone(progress));
        let task = tokio::spawn(async move {
            loop {
                let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
                drawn.set_length(load(&progress.bytes_total));
                drawn.set_position(load(&progress.bytes));
                let (files, total) = (load(&progress.files), load(&progress.files_total));
                let events = load(&progress.events);
                let rate = events as f64 / drawn.elapsed().as_secs_f64().max(0.001);
                drawn.set_message(format!(
                    "{}/{} files, {} events, {} events/s",
                    HumanCount(files),
                    HumanCount(total),
                    HumanCount(events),
                    HumanCount(rate as u64)
                ));
                tokio::time::sleep(TICK).await;
            }
        });
        Self { bar, task }
    }

    pub(super) async fn finish(self) {
        self.task.abort();
        let _ = self.task.await;
        self.bar.finish_and_clear();
    }
}
