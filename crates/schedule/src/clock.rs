//! What time it is.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// Longest sleep: a machine that was suspended, or whose clock was set, is noticed that soon.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// A clock that can be waited for.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> DateTime<Utc>;

    /// Returns when it is `time` or later.
    async fn sleep_until(&self, time: DateTime<Utc>);
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    async fn sleep_until(&self, time: DateTime<Utc>) {
        while let Ok(left) = (time - Utc::now()).to_std() {
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    }
}
