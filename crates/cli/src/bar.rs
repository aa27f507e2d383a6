//! How far a command is, on a terminal.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use crate::globals::Globals;

/// Time between two redraws.
const TICK: Duration = Duration::from_millis(100);

/// A progress bar that follows the counters of some work.
pub(crate) struct Bar {
    bar: ProgressBar,
    task: JoinHandle<()>,
}

impl Bar {
    /// Starts a bar of this template, which `draw` brings up to date again and again.
    pub(crate) fn start(template: &str, globals: &Globals, draw: impl Fn(&ProgressBar) + Send + 'static) -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), target(globals));
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        let drawn = bar.clone();
        let task = tokio::spawn(async move {
            loop {
                draw(&drawn);
                tokio::time::sleep(TICK).await;
            }
        });
        Self { bar, task }
    }

    /// Takes the bar off the terminal while `write` writes there.
    pub(crate) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Ends the bar and clears its line.
    pub(crate) async fn finish(self) {
        self.task.abort();
        let _ = self.task.await;
        self.bar.finish_and_clear();
    }
}

/// Standard error if that is a terminal and may be written to, else nothing.
pub(crate) fn target(globals: &Globals) -> ProgressDrawTarget {
    let is_visible = !globals.quiet && io::stderr().is_terminal();
    if is_visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}
