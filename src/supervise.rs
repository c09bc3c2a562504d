//! Tasks that run as long as the daemon: one that dies is counted and starts again.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tokio::time::sleep;

use crate::event::{Panicked, panic_text};

/// A task that has died starts again after this time: it may die of the same at once.
pub const PAUSE: Duration = Duration::from_secs(1);

/// Runs a task until it ends by itself, however often it panics. What is done here between two of its lives cannot panic:
/// counting is an addition, and a log that panics is caught.
pub async fn supervise<F: Future<Output = ()>>(task: &'static str, mut start: impl FnMut() -> F) {
    // To start it is a part of it.
    while let Err(panic) = AssertUnwindSafe(async { start().await }).catch_unwind().await {
        Panicked { task, subject: None, message: panic_text(&*panic) }.emit();
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_or_cannot_be_started_starts_again_until_it_ends() {
        let (begun, lives) = (tokio::time::Instant::now(), AtomicU32::new(0));
        supervise("test", || {
            let life = lives.fetch_add(1, Ordering::Relaxed);
            assert!(life != 0, "it cannot be started");
            async move { assert!(life == 2, "it dies") }
        })
        .await;
        assert_eq!((lives.load(Ordering::Relaxed), begun.elapsed()), (3, 2 * PAUSE));
    }
}
