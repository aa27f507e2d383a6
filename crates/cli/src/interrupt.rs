//! Ctrl-C and SIGTERM for commands that can end early in good order.

/// On the first signal calls `stop` and says what is being done; the second signal ends the process.
pub(crate) async fn stop_on_interrupt(stop: impl FnOnce(), what: &str, quiet: bool) {
    wait_for_signal().await;
    stop();
    if !quiet {
        eprintln!("trailql: {what}; once more to quit at once");
    }
    wait_for_signal().await;
    std::process::exit(130);
}

/// Returns at the next Ctrl-C or SIGTERM.
pub(crate) async fn wait_for_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
