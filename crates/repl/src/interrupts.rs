//! Ctrl-C while a query runs. While a line is typed, the line editor sees the key itself.

use std::io;

/// Listens for SIGINT from its making on, so that none falls between two statements and ends the process.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    signals: tokio::signal::unix::Signal,
}

impl Interrupts {
    /// Begins to listen; needs a runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?,
        })
    }

    /// Waits for the next Ctrl-C, or returns at once if one came since [`forget`](Self::forget).
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        self.signals.recv().await;
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }

    /// Forgets a Ctrl-C that was meant for a pager or editor.
    pub(crate) fn forget(&mut self) {
        #[cfg(unix)]
        {
            use futures::FutureExt;
            while self.signals.recv().now_or_never().is_some() {}
        }
    }
}
